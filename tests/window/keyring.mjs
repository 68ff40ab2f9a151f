/** A session bus of the test's own, with a real, unlocked keyring on it and nothing else. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine } from './screen.mjs';

/** Names no folder of services, so that nothing is started by being asked for: no portal, no accessibility bus. */
const CONFIGURATION = (folder) => `<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** Unlocks a keyring, tells where its bus is, and lives until standard input ends, however this process does. */
const SESSION = `printf password-of-the-keyring | gnome-keyring-daemon --unlock --components=secrets >/dev/null &&
  echo "$DBUS_SESSION_BUS_ADDRESS" && exec cat >/dev/null`;

/** The programs of a session. */
const PROGRAMS = ['dbus-run-session', 'dbus-daemon', 'gnome-keyring-daemon', 'cat'];

/** Starts both in an environment whose HOME and XDG folders are the test's; gives the bus's address and how to end it. */
export async function unlockKeyring(env) {
  const folder = env.XDG_RUNTIME_DIR;
  mkdirSync(folder, { mode: 0o700 });
  const configuration = join(folder, 'bus.conf');
  writeFileSync(configuration, CONFIGURATION(folder));
  const { DISPLAY, DBUS_SESSION_BUS_ADDRESS, ...surroundings } = env;
  const session = spawn('dbus-run-session', [`--config-file=${configuration}`, '--', 'sh', '-c', SESSION], {
    env: surroundings,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const address = await firstLine(session);
  return { address, end: () => session.stdin.end(), isPart: ([program]) => PROGRAMS.includes(program) };
}
