#!/bin/bash
# Tier 2: python-fido2 before this kernel's hidraw, over uhid and then over USB/IP.
export PYTHONDONTWRITEBYTECODE=1
here=$(dirname "$run")
"$fauxkey" run --ephemeral --profile security-key --attach uhid,usbip --ready-file /tmp/ready.json 2> /tmp/log &
until [ -e /tmp/ready.json ]; do sleep 0.05; done
"$python" -u "$here/python_fido2.py" || { echo "FAILED python_fido2.py: it broke off"; tail -5 /tmp/log; }
