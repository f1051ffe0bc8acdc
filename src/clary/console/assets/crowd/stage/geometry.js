// Points, edges and outlines in natural pixels.

/** Whether a point lies in an outline (even-odd). */
export function isInside(vertices, { x, y }) {
  let inside = false;
  for (let i = 0, j = vertices.length - 1; i < vertices.length; j = i, i += 1) {
    const [a, b] = [vertices[i], vertices[j]];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/** Whether a point is within so many pixels of an edge. */
export function isNear(a, b, { x, y }, near) {
  const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const part = length === 0 ? 0 : Math.min(Math.max(((x - a.x) * (b.x - a.x) + (y - a.y) * (b.y - a.y)) / length, 0), 1);
  return Math.hypot(x - a.x - part * (b.x - a.x), y - a.y - part * (b.y - a.y)) <= near;
}

/** Whether edges of a path that are not neighbours meet. */
export function crosses(vertices, isClosed) {
  const count = isClosed ? vertices.length : vertices.length - 1;
  const edge = (place) => [vertices[place], vertices[(place + 1) % vertices.length]];
  for (let i = 0; i < count; i += 1) {
    for (let j = i + 2; j < count; j += 1) {
      if (isClosed && i === 0 && j === count - 1) continue;
      if (meet(...edge(i), ...edge(j))) return true;
    }
  }
  return false;
}

function meet(a, b, c, d) {
  const side = (p, q, r) => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  const [one, two, three, four] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (one !== two && three !== four) return true;
  const on = (p, q, r) =>
    side(p, q, r) === 0 &&
    Math.min(p.x, q.x) <= r.x &&
    r.x <= Math.max(p.x, q.x) &&
    Math.min(p.y, q.y) <= r.y &&
    r.y <= Math.max(p.y, q.y);
  return on(a, b, c) || on(a, b, d) || on(c, d, a) || on(c, d, b);
}
