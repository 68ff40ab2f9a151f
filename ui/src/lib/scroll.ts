/**
 * Scrolling over more lines than a browser can make tall.
 *
 * Browsers cap an element at about 33 million pixels, and lose precision before. Up to `MAX_SPACE` the scroll space is
 * true to size; beyond it is scaled, and then the line on top is the truth and the scrollbar only follows it.
 */
export const ROW = 20;
export const MAX_SPACE = 8_000_000;

export interface Extent {
  /** Lines in all. */
  total: number;
  /** Height of the view, in pixels. */
  view: number;
}

/** The height of the scroll space, in pixels. */
export const space = ({ total }: Extent): number => Math.min(total * ROW, MAX_SPACE);

export const isScaled = ({ total }: Extent): boolean => total * ROW > MAX_SPACE;

/** The greatest line on top, fractional. */
export const lastTop = ({ total, view }: Extent): number => Math.max(0, total - view / ROW);

/** The line on top, fractional, at a scroll position. */
export function topAt(scrollTop: number, extent: Extent): number {
  if (!isScaled(extent)) return Math.min(scrollTop / ROW, lastTop(extent));
  return (scrollTop / (MAX_SPACE - extent.view)) * lastTop(extent);
}

/** The scroll position that shows a line on top. */
export function scrollTopOf(top: number, extent: Extent): number {
  if (!isScaled(extent)) return top * ROW;
  return (top / lastTop(extent)) * (MAX_SPACE - extent.view);
}

export const clampTop = (top: number, extent: Extent): number => Math.min(Math.max(0, top), lastTop(extent));
