#!/bin/sh
# The first program of tier 1: libfido2's tools before this kernel's /dev/uhid and vhci_hcd, without disk or udev.
# Words of the kernel's command line are variables here: host_port is that of a USB/IP server outside.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin FAUXKEY_HOME=/tmp/home
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
echo

. /lib/cases.sh

load_modules
ip link set lo up

# A registration for fido2-cred: client data hash, RP ID, user name, user ID.
printf '%s\n' AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= example.test ada YWRh > /tmp/parameters
register() { fido2-cred -M -i /tmp/parameters -o /tmp/credential "$1" es256; }
verify() { fido2-cred -V -i /tmp/credential -o /tmp/key es256; }

start() {
  rm -f /tmp/ready.json
  fauxkey run --device key=security-key --ready-file /tmp/ready.json "$@" > /tmp/log 2>&1 & FAUXKEY=$!
  until_true exists /tmp/ready.json || failed "fauxkey starts"
}
stop() { kill $FAUXKEY; wait $FAUXKEY; }

# The device is at /dev/hidraw0, and the door's name is $1 from here on. $2 is what the kernel tells of the makers.
works() {
  check "$1: fido2-token finds it" has "hidraw0: vendor=0x1209, product=0xf1d0 ($2)" fido2-token -L
  check "$1: fido2-token reads getInfo" has 'aaguid: fa0c5e11000040008000736563757265' fido2-token -I /dev/hidraw0
  check "$1: fido2-cred registers" register /dev/hidraw0
  check "$1: fido2-cred verifies what it got" verify
}
unplug_while_it_waits() {
  fauxkey device user ask > /dev/null 2>&1
  register /dev/hidraw0 > /tmp/waiting 2>&1 & WAITING=$!
  until_true grep -q 'asks: a new passkey at example.test' /tmp/log || failed "$1: the user is asked"
  check "$1: power off" fauxkey device power off
  check "$1: who waits for the user hears that it is gone" until_true ended $WAITING
  if wait $WAITING; then failed "$1: a registration that nobody agreed to: done"; else ok "$1: nothing was registered"; fi
  check "$1: the node is gone" until_true is_gone /dev/hidraw0
  fauxkey device user approve > /dev/null 2>&1
  check "$1: power on" fauxkey device power on
}

start --attach uhid
check "uhid: the node is there once fauxkey is ready" exists /dev/hidraw0
works uhid ' '
unplug_while_it_waits uhid
check "uhid: the node is back" until_true exists /dev/hidraw0
check "uhid: it works again" has 'FIDO_2_1' fido2-token -I /dev/hidraw0
stop
check "uhid: the node goes with fauxkey" until_true is_gone /dev/hidraw0

start --attach usbip
check "usbip: the list has it" has '1-1' usbip list -r 127.0.0.1
check "usbip: attach" usbip attach -r 127.0.0.1 -b 1-1
check "usbip: the node is there" until_true exists /dev/hidraw0
check "usbip: the list does not have it any more" has_not '1-1' usbip list -r 127.0.0.1
check "usbip: it is busy for another client" has 'busy' usbip attach -r 127.0.0.1 -b 1-1
works usbip 'fauxkey fauxkey security key'
unplug_while_it_waits usbip
check "usbip: attach again" usbip attach -r 127.0.0.1 -b 1-1
check "usbip: the node is back" until_true exists /dev/hidraw0
check "usbip: it works again" has 'FIDO_2_1' fido2-token -I /dev/hidraw0
check "usbip: detach" usbip detach -p 0
check "usbip: the node goes with the connection" until_true is_gone /dev/hidraw0
check "usbip: the list has it again" until_true has '1-1' usbip list -r 127.0.0.1
stop

start --attach uhid,usbip
usbip attach -r 127.0.0.1 -b 1-1 > /dev/null 2>&1
until_true exists /dev/hidraw1
both() { fido2-token -I /dev/hidraw0 && fido2-token -I /dev/hidraw1; }
check "both doors of one device work at once" both
stop
check "both nodes go with fauxkey" until_true is_gone /dev/hidraw1

if [ -n "$host_port" ]; then
  until_true exists /sys/class/net/eth0
  ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up
  check "usbip from outside: attach" usbip --tcp-port "$host_port" attach -r 10.0.2.2 -b 1-1
  check "usbip from outside: the node is there" until_true exists /dev/hidraw0
  check "usbip from outside: fido2-token reads getInfo" has 'aaguid: fa0c5e11' fido2-token -I /dev/hidraw0
  check "usbip from outside: fido2-cred registers" register /dev/hidraw0
fi
echo VM-END
poweroff -f
