#!/bin/bash
# Tier 2: headless Chromium before this kernel's hidraw. The device is plugged in only once the page waits for one.
export PYTHONDONTWRITEBYTECODE=1 XDG_RUNTIME_DIR=/run DBUS_SESSION_BUS_ADDRESS=disabled:
here=$(dirname "$run")
plug() {
  if [ "$door" = usbip ]; then
    usbip attach -r 127.0.0.1 -b 1-1 > /dev/null 2>&1 || echo "FAILED usbip attach"
  else
    "$fauxkey" device power on > /dev/null
  fi
}
export FAUXKEY_HOME=/tmp/home
"$fauxkey" run --device key=security-key --attach "$door" --ready-file /tmp/ready.json 2> /tmp/log &
until [ -e /tmp/ready.json ]; do sleep 0.05; done
[ "$door" = usbip ] || "$fauxkey" device power off > /dev/null
# Chromium hears from udevd what is plugged in later.
/lib/systemd/systemd-udevd --daemon 2> /dev/null
udevadm trigger --action=add --subsystem-match=hidraw --subsystem-match=misc
"$python" -u "$here/page.py" "chromium $door" > /tmp/page.log 2>&1 & page=$!
tail -n +1 -f /tmp/page.log & tail=$!
/usr/lib/chromium/chromium-headless-shell --no-sandbox --no-zygote --in-process-gpu --disable-gpu \
  --disable-software-rasterizer --disable-vulkan --disable-dev-shm-usage --disable-extensions --disable-quic \
  --no-first-run --disable-background-networking --disable-component-update --disable-sync --mute-audio \
  --js-flags=--lite-mode --user-data-dir=/tmp/profile --remote-debugging-port=9222 about:blank 2> /tmp/chromium.log &
# Opened over DevTools, as a page that the command line names does not have the focus.
until curl --silent --fail --request PUT 'http://127.0.0.1:9222/json/new?http://localhost:8000/' > /dev/null; do sleep 0.3; done
until grep -q '^page: create' /tmp/page.log; do sleep 0.2; done
sleep 3
plug
wait $page || { tail -5 /tmp/log; grep -E 'FATAL|ERROR' /tmp/chromium.log | grep -v dbus | tail -5; }
sleep 0.3; kill $tail
