#!/bin/sh
# Removes a laboratory when its maker lets go of standard input: by closing it,
# or by dying in whatever way. Everything of a laboratory carries its prefix.
prefix=$1 dir=$2
trap '' INT TERM HUP
cat >/dev/null
for ns in $(ip netns list | cut -d' ' -f1 | grep "^$prefix-"); do
  # What a process leaves behind while it dies is met in the next round.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    pids=$(ip netns pids "$ns")
    [ -n "$pids" ] || break
    kill -9 $pids 2>/dev/null
    sleep 0.1
  done
  ip netns del "$ns"
done
rm -rf "/etc/netns/$prefix"-*
rmdir /etc/netns 2>/dev/null
rm -rf "$dir"
