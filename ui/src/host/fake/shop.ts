/** The fake shop: ticks and charts that look like a real one's, the same for the same seed. */
import type { Charts } from '../../protocol/Charts';
import type { Invocation } from '../../protocol/Invocation';
import type { TickSample } from '../../protocol/TickSample';

const PLACES: [country: string, state: string, city: string, weight: number][] = [
  ['United States', 'California', 'Los Angeles', 92],
  ['United States', 'California', 'San Francisco', 61],
  ['United States', 'New York', 'New York', 118],
  ['United States', 'Texas', 'Houston', 54],
  ['United States', 'Texas', 'Austin', 38],
  ['United States', 'Illinois', 'Chicago', 49],
  ['Germany', 'Berlin', 'Berlin', 57],
  ['Germany', 'Bavaria', 'Munich', 44],
  ['Germany', 'Hamburg', 'Hamburg', 29],
  ['United Kingdom', 'England', 'London', 88],
  ['United Kingdom', 'England', 'Manchester', 26],
  ['United Kingdom', 'Scotland', 'Edinburgh', 15],
  ['France', 'Île-de-France', 'Paris', 63],
  ['France', 'Provence-Alpes-Côte d’Azur', 'Marseille', 21],
  ['Japan', 'Tokyo', 'Tokyo', 71],
  ['Japan', 'Osaka', 'Osaka', 33],
  ['Brazil', 'São Paulo', 'São Paulo', 46],
  ['India', 'Maharashtra', 'Mumbai', 52],
  ['Canada', 'Ontario', 'Toronto', 34],
  ['Australia', 'New South Wales', 'Sydney', 31],
];

const PRODUCTS: [name: string, category: string][] = [
  ['Aluminium Desk Lamp', 'Home'],
  ['Noise-Cancelling Headphones', 'Electronics'],
  ['Trail Running Shoes', 'Sports'],
  ['Merino Crew Sweater', 'Apparel'],
  ['Cast-Iron Skillet, 28 cm', 'Kitchen'],
  ['Mechanical Keyboard', 'Electronics'],
  ['Linen Duvet Cover', 'Home'],
  ['Insulated Steel Bottle', 'Sports'],
  ['Walnut Chopping Board', 'Kitchen'],
  ['Waterproof Shell Jacket', 'Apparel'],
];

const DAY_MS = 86_400_000;

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One tick of `seconds` at `rate` orders a minute, of the time up to `until`. */
export function tick(number: number, at: number, rate: number, seconds: number, until = at): TickSample {
  const roll = random(number * 7919);
  const expected = (rate * seconds) / 60;
  const orders = Math.floor(expected * (0.75 + roll() * 0.5) + roll());
  const changes = Math.round(orders * (1.2 + roll() * 0.4));
  const rows = orders * 4 + changes;
  return {
    tick: number,
    at: new Date(at).toISOString(),
    until: new Date(until).toISOString(),
    orders,
    rows,
    status_changes: changes,
    generate_ms: 0.2 + rows * 0.0006 + roll() * 0.1,
    write_ms: 2.4 + rows * 0.004 + roll() * 1.5,
  };
}

/** The call of a function that wrote a tick. */
export function call({ tick, at, generate_ms, write_ms }: TickSample): Invocation {
  const duration = generate_ms + write_ms + 38;
  return {
    request: `fake-${tick}`,
    at,
    error: tick % 17 === 0 ? 'timeout' : null,
    duration_ms: duration,
    billed_ms: Math.ceil(duration),
    memory_mb: 41 + (tick % 5),
    start_ms: tick % 9 === 0 ? 118.4 : null,
  };
}

/** The charts of a shop that has `days` of history at `rate` orders a minute, read at `now`. */
export function charts(days: number, rate: number, seed: number, now: number): Charts {
  const roll = random(seed);
  const daily = Array.from({ length: days + 1 }, (_, index) => {
    const date = new Date(now - (days - index) * DAY_MS);
    const part = index === days ? ((now % DAY_MS) + 1) / DAY_MS : 1;
    const weekend = [0, 6].includes(date.getUTCDay()) ? 1.24 : 1;
    const season = 1 + 0.12 * Math.sin(index / 9) + index * 0.004;
    const orders = Math.round(rate * 1440 * part * weekend * season * (0.92 + roll() * 0.16));
    const gross = Math.round(orders * (8600 + roll() * 900));
    const discount = Math.round(gross * (0.041 + roll() * 0.012));
    return {
      date: date.toISOString().slice(0, 10),
      orders,
      gross_cents: gross,
      discount_cents: discount,
      net_cents: gross - discount,
    };
  });
  const sum = (pick: (day: (typeof daily)[number]) => number) =>
    daily.reduce((all, day) => all + pick(day), 0);
  const totals = {
    orders: sum((day) => day.orders),
    customers: Math.round(sum((day) => day.orders) * 0.38),
    gross_cents: sum((day) => day.gross_cents),
    discount_cents: sum((day) => day.discount_cents),
    net_cents: sum((day) => day.net_cents),
  };
  return {
    version: 1,
    extracted_at: new Date(now - 4000).toISOString(),
    newest_order_at: new Date(now - 6500).toISOString(),
    published_at: new Date(now).toISOString(),
    doubt: null,
    totals,
    daily,
    ...byPlace(totals),
    by_status: byStatus(totals.orders),
    top_products: topProducts(totals.net_cents, roll),
  };
}

function byPlace(totals: Charts['totals']): Pick<Charts, 'by_country' | 'by_state' | 'by_city'> {
  const weight = PLACES.reduce((all, place) => all + place[3], 0);
  const by_city = PLACES.map(([country, state, city, share]) => ({
    country,
    state,
    city,
    orders: Math.round((totals.orders * share) / weight),
    net_cents: Math.round((totals.net_cents * share) / weight),
  })).sort((a, b) => b.net_cents - a.net_cents);
  const by_state = grouped(
    by_city,
    (row) => `${row.country}/${row.state}`,
    ({ country, state }) => ({ country, state }),
  );
  const by_country = grouped(
    by_city,
    (row) => row.country,
    ({ country }) => ({ country }),
  );
  return { by_city, by_state, by_country };
}

function grouped<Row extends { orders: number; net_cents: number }, Key extends object>(
  rows: Row[],
  keyOf: (row: Row) => string,
  head: (row: Row) => Key,
): (Key & { orders: number; net_cents: number })[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return [...groups.values()]
    .map((group) => ({
      ...head(group[0] as Row),
      orders: group.reduce((sum, row) => sum + row.orders, 0),
      net_cents: group.reduce((sum, row) => sum + row.net_cents, 0),
    }))
    .sort((a, b) => b.net_cents - a.net_cents);
}

function byStatus(orders: number): Charts['by_status'] {
  const shares: [string, number][] = [
    ['placed', 0.02],
    ['paid', 0.05],
    ['shipped', 0.11],
    ['delivered', 0.73],
    ['cancelled', 0.05],
    ['returned', 0.04],
  ];
  return shares.map(([status, share]) => ({ status, orders: Math.round(orders * share) }));
}

function topProducts(net: number, roll: () => number): Charts['top_products'] {
  return PRODUCTS.map(([name, category], index) => {
    const earned = Math.round(net * (0.021 - index * 0.0014) * (0.97 + roll() * 0.06));
    return {
      product_id: 100 + index,
      name,
      category,
      quantity: Math.round(earned / (4500 + roll() * 9000)),
      net_cents: earned,
    };
  }).sort((a, b) => b.net_cents - a.net_cents);
}
