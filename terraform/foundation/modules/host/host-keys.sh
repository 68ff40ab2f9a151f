#!/bin/bash
# Whoever comes through a tunnel knows the host by its SSH keys. It tells them on its console, at every start and then
# every ten minutes: cloud-init does so at the first start alone, and AWS keeps no more than a console's last 64 KiB.
cat >/etc/systemd/system/host-keys.service <<'UNIT'
[Unit]
Description=Tell the SSH host keys on the console

[Service]
Type=oneshot
StandardOutput=tty
TTYPath=/dev/console
ExecStart=/usr/bin/echo "-----BEGIN SSH HOST KEY KEYS-----"
ExecStart=/usr/bin/sh -c "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_*_key.pub"
ExecStart=/usr/bin/echo "-----END SSH HOST KEY KEYS-----"
UNIT
cat >/etc/systemd/system/host-keys.timer <<'UNIT'
[Unit]
Description=Tell the SSH host keys every ten minutes

[Timer]
OnBootSec=30s
OnUnitActiveSec=10min

[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable --now host-keys.timer
