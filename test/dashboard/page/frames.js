// Makes of an answer of Prometheus what Grafana's data source and field configuration make of it.
import { FieldType, fieldMatchers, getDisplayProcessor, toDataFrame } from "@grafana/data";

export function framesOf(panel, lines, theme) {
  const { defaults, overrides } = panel.fieldConfig;
  return lines.map((line, seriesIndex) => {
    const name = line.name || panel.title;
    const frame = toDataFrame({
      refId: line.refId,
      fields: [
        { name: "Time", type: FieldType.time, values: line.times, config: {} },
        { name: "Value", type: FieldType.number, values: line.values, labels: line.labels },
      ],
    });
    const [time, value] = frame.fields;
    const color = panel.type === "stat" ? { mode: "thresholds" } : { mode: "palette-classic" };
    value.config = { color, ...structuredClone(defaults), displayNameFromDS: name };
    value.state = { seriesIndex, displayName: name, range: rangeOf(line.values) };
    override(value, frame, overrides);
    for (const field of [time, value]) {
      field.display = getDisplayProcessor({ field, theme, timeZone: "utc" });
    }
    return frame;
  });
}

function override(field, frame, overrides) {
  for (const { matcher, properties } of overrides) {
    if (fieldMatchers.get(matcher.id).get(matcher.options)(field, frame, [frame])) {
      for (const { id, value } of properties) {
        const path = id.split(".");
        path.slice(0, -1).reduce((at, key) => (at[key] ??= {}), field.config)[path.at(-1)] = value;
      }
    }
  }
}

function rangeOf(values) {
  const there = values.filter((v) => v !== null);
  const [min, max] = [Math.min(...there), Math.max(...there)];
  return { min, max, delta: max - min };
}

export function lastOf(values) {
  return values.findLast((v) => v !== null);
}
