// Draws the dashboard with what Grafana draws panels with.
import "@fontsource/inter/400.css";
import "@fontsource/inter/500.css";
import React from "react";
import { createRoot } from "react-dom/client";
import { createTheme, dateTime, ThemeContext } from "@grafana/data";
import { BigValue, GlobalStyles, Icon, PanelChrome, TimeSeries } from "@grafana/ui";
import { framesOf, lastOf } from "./frames";
import { place, section } from "./grid";

const { dashboard, answers, width } = window.picture;
const asked = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: asked.get("mode") } });
const panels = section(dashboard.panels, asked.get("from"), asked.get("to"));
const range = { from: dateTime(answers.from).utc(), to: dateTime(answers.to).utc() };
const timeRange = { ...range, raw: range };

function Variable({ label, value }) {
  const box = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: theme.shape.radius.default };
  const part = { padding: "6px 12px" };
  return (
    <div style={{ ...box, display: "flex", background: theme.colors.background.primary }}>
      <span style={{ ...part, color: theme.colors.text.secondary, fontWeight: 500 }}>{label}</span>
      <span style={{ ...part, borderLeft: box.border }}>{value}</span>
    </div>
  );
}

function Head() {
  const day = range.from.format("YYYY-MM-DD");
  return (
    <div style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 13, margin: "0 8px", height: 56 }}>
      <span style={{ fontSize: 20, fontWeight: 500, marginRight: 12 }}>{dashboard.title}</span>
      <Variable label="Data source" value="Prometheus" />
      <Variable label="Namespace" value="All" />
      <Variable label="Mode" value="test" />
      <span style={{ flex: 1 }} />
      <Variable label="UTC" value={`${day} 00:00 to 24:00`} />
    </div>
  );
}

function Row({ panel }) {
  return (
    <div style={{ display: "flex", alignItems: "center", gap: 8, height: "100%", fontSize: 16, fontWeight: 500 }}>
      <Icon name="angle-down" />
      {panel.title}
    </div>
  );
}

function Panel({ panel, size }) {
  const frames = framesOf(panel, answers.panels[panel.id] ?? [], theme);
  return (
    <PanelChrome {...size} title={panel.title} description={panel.description || undefined}>
      {(w, h) =>
        panel.type === "stat" ? (
          <Stat panel={panel} frame={frames[0]} width={w} height={h} />
        ) : (
          <TimeSeries width={w} height={h} frames={frames} structureRev={1} timeRange={timeRange} timeZone="utc"
            legend={{ calcs: [], ...panel.options.legend }} />
        )
      }
    </PanelChrome>
  );
}

function Stat({ panel, frame, width, height }) {
  const [x, y] = frame.fields;
  const { colorMode, graphMode, textMode } = panel.options;
  const sparkline = graphMode === "none" ? undefined : { x, y, timeRange };
  return (
    <BigValue theme={theme} width={width} height={height} value={y.display(lastOf(y.values))} justifyMode="auto"
      sparkline={sparkline} colorMode={colorMode} graphMode={graphMode} textMode={textMode} />
  );
}

function Dashboard() {
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Head />
      <div style={{ position: "relative" }}>
        {panels.map((panel) => {
          const at = place(panel.gridPos, width);
          return (
            <div key={panel.id} style={{ position: "absolute", ...at }}>
              {panel.type === "row" ? <Row panel={panel} /> : <Panel panel={panel} size={at} />}
            </div>
          );
        })}
      </div>
    </ThemeContext.Provider>
  );
}

document.body.style.margin = 0;
document.body.style.background = theme.colors.background.canvas;
createRoot(document.getElementById("root")).render(<Dashboard />);
