#!/bin/bash
# Tier 2: headless Chromium before this kernel's hidraw. The device is plugged in only once the page waits for one.
export PYTHONDONTWRITEBYTECODE=1 XDG_RUNTIME_DIR=/run DBUS_SESSION_BUS_ADDRESS=disabled:
here=$(dirname "$run")
# Nothing that the host has in its /tmp is to be found.
mkdir /run/vm; cd /run/vm
# Seen with --verbose.
note() { echo "at $(cut -d' ' -f1 /proc/uptime) s: $*"; }
plug() {
  if [ "$door" = usbip ]; then
    usbip attach -r 127.0.0.1 -b 1-1 > /dev/null 2>&1 || echo "FAILED usbip attach"
  else
    "$fauxkey" device power on > /dev/null
  fi
}
export FAUXKEY_HOME=/run/vm/home
"$fauxkey" run --device key=security-key --attach "$door" --ready-file /run/vm/ready.json 2> /run/vm/log &
until [ -e /run/vm/ready.json ]; do sleep 0.05; done
note "fauxkey is ready"
[ "$door" = usbip ] || "$fauxkey" device power off > /dev/null
# Chromium hears from udevd what is plugged in later.
/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger --action=add --subsystem-match=hidraw --subsystem-match=misc
"$python" -u "$here/page.py" "chromium $door" > /run/vm/page.log 2>&1 & page=$!
tail -n +1 -f /run/vm/page.log & tail=$!
/usr/lib/chromium/chromium-headless-shell --no-sandbox --no-zygote --in-process-gpu --disable-gpu \
  --disable-software-rasterizer --disable-vulkan --disable-dev-shm-usage --disable-extensions --disable-quic \
  --no-first-run --disable-background-networking --disable-component-update --disable-sync --mute-audio \
  --js-flags=--lite-mode --user-data-dir=/run/vm/profile --remote-debugging-port=9222 about:blank 2> /run/vm/chromium.log &
note "the browser is started"
# A page that is opened before its server listens stays an error.
until grep -q '^page: served' /run/vm/page.log; do sleep 0.2; done
note "the page is served"
# Opened over DevTools, as a page that the command line names does not have the focus.
until curl --silent --fail --request PUT 'http://127.0.0.1:9222/json/new?http://localhost:8000/' > /dev/null; do sleep 0.3; done
note "the page is opened"
until grep -q '^page: create' /run/vm/page.log; do sleep 0.2; done
sleep 3
plug
note "the device is plugged in"
wait $page || { tail -5 /run/vm/log; grep -E 'FATAL|ERROR' /run/vm/chromium.log | grep -v dbus | tail -5; }
sleep 0.3; kill $tail
