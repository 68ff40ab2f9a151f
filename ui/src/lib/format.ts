/** How values read: numbers, money, durations, ages. All in English, all with tabular widths in mind. */
const WHOLE = new Intl.NumberFormat('en-US');
const ONE_DECIMAL = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });
const CENTS = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

const two = (value: number): string => String(value).padStart(2, '0');

/** `1,234,567` */
export const whole = (value: number): string => WHOLE.format(value);

/** `1.23M`, `987`: three digits that count. */
export const compact = (value: number): string => COMPACT.format(value);

/** `0.4`, `12`, `1,234`: one decimal below ten, none above. */
export const short = (value: number): string =>
  Math.abs(value) < 10 ? ONE_DECIMAL.format(value) : WHOLE.format(Math.round(value));

/** `$1,234.56` from cents. */
export const money = (cents: number): string => CENTS.format(cents / 100);

/** `$1.23M`, `$987` from cents, for axes and tiles. */
export const moneyShort = (cents: number): string =>
  `${cents < 0 ? '−' : ''}$${compact(Math.abs(cents) / 100)}`;

/** `4.2 %` of a part in a whole; `–` of nothing. */
export const percent = (part: number, all: number): string =>
  all === 0 ? '–' : `${ONE_DECIMAL.format((part / all) * 100)} %`;

/** `870 MB`, `2.1 GB` */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${short(value)} ${units[unit] ?? ''}`;
}

/** A time span in milliseconds as `0.4 s`, `12 s`, `1 m 05 s`, `2 h 03 m`, `3 d 4 h`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return age(milliseconds);
}

/** As {@link duration}, in whole seconds. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** Time between two RFC 3339 instants, in milliseconds; until `now` if the second is absent. */
export const between = (from: string, to: string | null, now: number): number =>
  (to === null ? now : Date.parse(to)) - Date.parse(from);

/** `14:05:09` in the user's time zone. Written by hand: `toLocaleTimeString` takes 0.1 ms, too long for each line of a log. */
export function clock(at: string): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
}

/** `14:05` in the user's time zone. */
export const minute = (at: string): string => clock(at).slice(0, 5);

/** `23 Nov, 14:05` in the user's time zone. */
export const moment = (at: string): string =>
  new Date(at).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });

/** `23 Nov` from `YYYY-MM-DD`, a day in UTC. */
export const day = (date: string): string =>
  new Date(`${date}T00:00:00Z`).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });

/** `1 order`, `2 orders` */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`;

/** Words as a sentence begins; what begins with an identifier, or a program and its version, stays as it is. */
export const sentence = (text: string): string =>
  text.replace(/^[a-z]+(?! \d+\.\d)(?=[\s,;:.]|$)/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
