#!/bin/sh
# The first program of the tier Bluetooth: two LE controllers of the kernel's own, BlueZ' daemon over both, and what one of
# them advertises as the other one hears it.
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

# A conversation with bluetoothctl by that name, about a controller; it goes on until the machine stops.
talk() {
  mkfifo "/tmp/$1.in"; sleep 600 > "/tmp/$1.in" &
  bluetoothctl < "/tmp/$1.in" > "/tmp/$1" 2>&1 &
  until_true grep -q 'Agent registered' "/tmp/$1" || failed "bluetoothctl listens"
  say "$1" "select $(address "$2")"
}
say() { echo "$2" > "/tmp/$1.in"; }

# AD type 0x16, Service Data - 16-bit UUID, with FIDO's UUID and an advert: 23 bytes.
on_air() { xxd -p /tmp/air | tr -d '\n' | grep -q "1716f9ff$1"; }
heard() { btmon -r /tmp/air > /tmp/heard 2>&1; grep -A 9 'ADV_NONCONN_IND' /tmp/heard | grep -q "Data: $1"; }
ADVERT=0102030405060708090a0b0c0d0e0f1011121314
talk desktop hci1; say desktop 'scan le'
until_true grep -q 'Discovery started' /tmp/desktop || failed "the second controller listens"
talk phone hci0
say phone 'menu advertise'
say phone "service 0000fff9-0000-1000-8000-00805f9b34fb $(echo $ADVERT | sed 's/../0x& /g')"
say phone 'back'
say phone 'advertise broadcast'
check "an advert is registered" until_true grep -q 'Advertising object registered' /tmp/phone
check "its bytes are on the air as service data of 0xFFF9" until_true on_air $ADVERT
check "and as what cannot be connected to" until_true heard $ADVERT
echo VM-END
poweroff -f
