# How a machine in memory names, tries and tells its cases; for sh of busybox.

# The firmware may have left half a line, so each case begins a new one.
ok() { echo "ok $*"; }
failed() { echo "FAILED $*"; [ ! -e /tmp/log ] || tail -n 5 /tmp/log; }
check() { what=$1; shift; if "$@" > /tmp/said 2>&1; then ok "$what"; else failed "$what: $* said: $(tail -n 3 /tmp/said | tr '\n' ' ')"; fi; }
has() { pattern=$1; shift; "$@" > /tmp/has 2>&1; grep -q -- "$pattern" /tmp/has || { cat /tmp/has; return 1; }; }
has_not() { ! has "$@" > /dev/null; }
# Waits up to twenty seconds.
until_true() { n=0; until "$@" > /dev/null 2>&1; do n=$((n+1)); [ $n -lt 400 ] || return 1; usleep 50000; done; }
exists() { [ -e "$1" ]; }
is_gone() { [ ! -e "$1" ]; }
ended() { ! kill -0 "$1" 2> /dev/null; }

load_modules() { for module in $(cat /lib/modules/order); do insmod "/lib/modules/$module" || failed "insmod $module"; done; }
