// Where Grafana puts panels: 24 columns, cells of 30 pixels, 8 between them.
const columns = 24;
const cell = 30;
const gap = 8;

export function place({ x, y, w, h }, width) {
  const column = (width - gap) / columns;
  return { left: gap + x * column, top: y * (cell + gap), width: w * column - gap, height: h * (cell + gap) - gap };
}

// section is the panels from one row's title on to that of another, or to the end, moved to the top.
export function section(panels, from, to) {
  const row = (title) => panels.findIndex((p) => p.type === "row" && p.title === title);
  const found = panels.slice(row(from), to ? row(to) : undefined);
  const top = found[0].gridPos.y;
  return found.map((p) => ({ ...p, gridPos: { ...p.gridPos, y: p.gridPos.y - top } }));
}
