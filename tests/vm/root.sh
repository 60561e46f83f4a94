#!/bin/sh
# The first program of tier 2: this machine's root is the host's, read-only over 9p, under a file system in memory
# that takes what is written. The script named by run= on the kernel's command line is started in it.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
echo
die() { echo "FAILED boot: $*"; echo VM-END; poweroff -f; }
for module in $(cat /lib/modules/order); do insmod "/lib/modules/$module" || echo "insmod $module failed"; done
new=/mnt/root; mkdir -p /mnt/lower /mnt/written $new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose hostroot /mnt/lower || die 9p
mount -t tmpfs -o mode=755 written /mnt/written; mkdir /mnt/written/upper /mnt/written/work
mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/written/upper,workdir=/mnt/written/work overlay $new || die overlay
for folder in proc sys dev; do mount --move /$folder $new/$folder; done
mkdir -p $new/dev/pts $new/dev/shm
mount -t devpts devpts $new/dev/pts
for folder in dev/shm run; do mount -t tmpfs "${folder#*/}" $new/$folder; done
mkdir -p $new/run/lock
for number in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/${number%:*}" "$new/dev/${number#*:}"; done
ln -sf /proc/self/fd $new/dev/fd
exec switch_root $new /bin/busybox sh -c "
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 run=$run fauxkey=$fauxkey python=$python door=$door
/bin/busybox ip link set lo up
/bin/bash $run; echo VM-END; /bin/busybox poweroff -f"
