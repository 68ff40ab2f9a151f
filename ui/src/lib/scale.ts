/** Axes: round numbers to label, and paths to draw. */

/** Round values from 0 to at least `most`, in up to `count` + 1 steps: those that leave the least room on top. */
export function niceTicks(most: number, count = 4): number[] {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / count));
  const fits = [1, 2, 2.5, 5, 10]
    .map((factor) => ({
      step: factor * power,
      ticks: Math.max(1, Math.ceil(most / (factor * power) - 1e-9)),
    }))
    .filter(({ ticks }) => ticks <= count + 1);
  const room = ({ step, ticks }: { step: number; ticks: number }) => step * ticks - most;
  const { step, ticks } = fits.reduce((best, next) => (room(next) < room(best) ? next : best));
  return Array.from({ length: ticks + 1 }, (_, index) => index * step);
}

/** Up to `count` indices spread evenly over `0..length`, first and last among them. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index);
  const step = (length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => Math.round(index * step));
}

export interface Point {
  x: number;
  y: number;
}

/** A path through the points. */
export function line(points: readonly Point[]): string {
  return points
    .map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join('');
}

/** The area between the points and a floor. */
export function area(points: readonly Point[], floor: number): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return '';
  return `${line(points)}L${last.x.toFixed(1)} ${floor}L${first.x.toFixed(1)} ${floor}Z`;
}
