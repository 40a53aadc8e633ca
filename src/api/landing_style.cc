#include "landing_style.h"

namespace anomaly_exporter::api {

const char kLandingStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e8; --text: #1b2330; --soft: #566172;
  --accent: #2f5fd0; --band: #cfdcf8; --good: #1a7f4b; --good-back: #e0f3e8;
  --info: #2f5fd0; --info-back: #e3ebfb; --warn: #8a5a00; --warn-back: #fdf0d0;
  --bad: #b3261e; --bad-back: #fbe3e1; --track: #e7eaef; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2029; --line: #2d3642; --text: #e6eaf0; --soft: #9aa6b6;
  --accent: #86aaf8; --band: #2b3f6b; --good: #6fd49d; --good-back: #17352a;
  --info: #86aaf8; --info-back: #1e2c4b; --warn: #f0c060; --warn-back: #3b2f12;
  --bad: #ff9a90; --bad-back: #471f1c; --track: #2b333e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 24px 20px 48px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; }
h1 { font-size: 24px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 32px 0 12px; }
h3 { font-size: 16px; margin: 0; }
a { color: var(--accent); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
nav { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 8px 0 20px; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px 18px; margin-bottom: 16px; }
.state { border-left: 4px solid var(--good); }
.state.waiting { border-left-color: var(--warn); }
.state p, .state ul { margin: 0; }
.state ul { padding-left: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 10px 16px; }
.tile b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-bottom: 8px; }
.pill { display: inline-block; border-radius: 999px; padding: 0 10px; font-size: 13px;
  font-weight: 600; white-space: nowrap; color: var(--soft); background: var(--track); }
.good { color: var(--good); background: var(--good-back); }
.info { color: var(--info); background: var(--info-back); }
.warning { color: var(--warn); background: var(--warn-back); }
.critical { color: var(--bad); background: var(--bad-back); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-size: 13px; font-weight: 600; color: var(--soft); white-space: nowrap; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td svg { vertical-align: middle; }
code { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
.labels { overflow-wrap: anywhere; }
.error { color: var(--bad); overflow-wrap: anywhere; }
.hint { color: var(--warn); overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr));
  gap: 12px 28px; margin: 8px 0 14px; }
.facts ul { margin: 2px 0 0; padding-left: 18px; }
.facts svg { display: block; margin: 3px 0 6px; }
.track { fill: var(--track); }
.fill { fill: var(--accent); }
.fill.level-warning { fill: var(--warn); }
.fill.level-critical { fill: var(--bad); }
.band { fill: var(--band); }
.expected { stroke: var(--accent); stroke-width: 1.5; }
.value { fill: var(--text); }
.value.out { fill: var(--bad); }
)css";

}  // namespace anomaly_exporter::api
