#!/bin/sh
# The first program of the tier Bluetooth: two LE controllers of the kernel's own, BlueZ' daemon over both, a phone that
# advertises by one, a desktop that listens by the other, and what is on the air between them.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin FAUXKEY_HOME=/tmp/home
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
echo

. /lib/cases.sh

load_modules
ip link set lo up
mkdir -p /run/dbus /var/lib/bluetooth /var/lib/dbus
dbus-uuidgen --ensure
check "the bus starts" dbus-daemon --system
btvirt -L -l2 > /tmp/btvirt 2>&1 &
address() { hciconfig "$1" | sed -n 's/.*BD Address: \([0-9A-F:]*\).*/\1/p'; }
has_address() { address "$1" | grep -q '^00:AA:01:'; }
check "there are two controllers" until_true has_address hci1
# It waits two seconds for each answer of a controller, so everything else comes later.
bluetoothd --nodetach > /tmp/bluetoothd 2>&1 &
powered() { has 'Powered: yes' bluetoothctl show "$(address "$1")" < /dev/null; }
for controller in hci0 hci1; do check "bluetoothd powers $controller" until_true powered $controller; done
# All that the second controller hears, as it is on the air.
btmon -i hci1 -w /tmp/air > /dev/null 2>&1 &

# A desktop of ours listens on hci1, a phone of ours advertises on hci0: a registration and a sign-in.
fauxkey device add phone > /tmp/added 2>&1 || failed "a device"
fauxkey --json hybrid show --advert bluez:hci1 > /tmp/desktop 2> /tmp/codes & DESKTOP=$!
code() { grep -o 'FIDO:/[0-9]*' /tmp/codes | sed -n "$1p"; }
has_code() { [ -n "$(code "$1")" ]; }
scan() { fauxkey --json hybrid scan --device phone --advert bluez:hci0 "$@" 2>&1; }
for ceremony in 1 2; do
  until_true has_code $ceremony || failed "the desktop shows code $ceremony: $(tail -n 3 /tmp/codes)"
  check "ceremony $ceremony: the phone answers" has '"outcome":"done"' scan "$(code $ceremony)"
done
wait $DESKTOP || failed "the desktop: $(tail -n 3 /tmp/codes)"
check "the desktop verified a registration and a sign-in" grep -q '"signInChecks":' /tmp/desktop
check "it heard both adverts by BlueZ" has '^2$' grep -c '"event":"heard"' /tmp/desktop

# AD type 0x16, Service Data - 16-bit UUID, with FIDO's UUID and 20 bytes: 23 behind the length. Flags come first.
adverts() { xxd -p /tmp/air | tr -d '\n' | grep -oE '0201041716f9ff[0-9a-f]{40}' | sort -u | wc -l; }
check "what is on the air is service data of 0xFFF9, another one each time" has '^2$' adverts
btmon -r /tmp/air > /tmp/heard 2>&1
kinds() { grep -A 2 'LE Advertising Report' /tmp/heard | grep -o 'ADV_[A-Z_]*' | sort -u | tr '\n' ' '; }
check "nothing on the air can be connected to" has '^ADV_NONCONN_IND $' kinds

# A conversation with bluetoothctl, about a controller, that goes on until the machine stops.
off() {
  mkfifo "/tmp/off-$1.in"; sleep 600 > "/tmp/off-$1.in" &
  bluetoothctl < "/tmp/off-$1.in" > "/tmp/off-$1" 2>&1 &
  until_true grep -q 'Agent registered' "/tmp/off-$1" || failed "bluetoothctl listens"
  echo "select $(address "$1")" > "/tmp/off-$1.in"
  echo 'power off' > "/tmp/off-$1.in"
}
is_off() { has 'Powered: no' bluetoothctl show "$(address "$1")" < /dev/null; }
CODE=$(code 2)
off hci0
check "hci0 is off" until_true is_off hci0
check "a phone whose Bluetooth is off says so" has 'Bluetooth is off' scan --tunnel 127.0.0.1:9 --max-age any "$CODE"
off hci1
check "hci1 is off" until_true is_off hci1
check "a desktop whose Bluetooth is off says so" has 'Bluetooth is off' fauxkey hybrid show --advert bluez:hci1
echo VM-END
poweroff -f
