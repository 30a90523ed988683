"""The look of the report's page: light and dark, and never wider than the screen."""

STYLE = """
:root { --paper: #fff; --ink: #1c2430; --soft: #5a6675; --rule: #d8dee6; --lane: #eef1f5; --ours: #1f6fb8;
  --peer: #b4610c; --good: #17713a; --bad: #b3261e; --gap: #f9dcd9; --acked: #2e8b57; --mount: #a9c7e6; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181e; --ink: #e6eaf0; --soft: #9aa7b6; --rule: #333c48; --lane: #20262f; --ours: #6cb2f2;
    --peer: #f0a150; --good: #6fd196; --bad: #ff8f85; --gap: #4a2624; --acked: #57bd85; --mount: #2f4f70; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .5rem; margin: 1rem 0; }
.tiles div { border: 1px solid var(--rule); border-radius: .4rem; padding: .4rem .6rem; }
dt { color: var(--soft); font-size: .8rem; } dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; vertical-align: top; font-weight: 600; padding: .5rem .5rem .5rem 0; width: 20%; }
thead th { color: var(--soft); font-size: .8rem; }
td { padding: .5rem 0; } tr { border-top: 1px solid var(--rule); } thead tr { border: 0; }
.agent { display: grid; grid-template-columns: 9rem 1fr 8rem 10rem; gap: 0 .6rem; align-items: center; }
.who, .figures { font-size: .85rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.bar { width: 100%; height: 1rem; display: block; }
.bar.ours rect { fill: var(--ours); } .bar.peer rect { fill: var(--peer); }
.badge { font-size: .85rem; } .good { color: var(--good); } .bad { color: var(--bad); }
details { border-top: 1px solid var(--rule); padding: .5rem 0; } summary { cursor: pointer; }
.note, figcaption { color: var(--soft); font-size: .9rem; }
figure { margin: 1rem 0; padding-left: .6rem; border-left: 3px solid var(--ours); }
figure.peer { border-color: var(--peer); }
code { display: block; color: var(--ink); background: var(--lane); padding: .2rem .4rem; border-radius: .3rem;
  font-size: .85rem; }
.story { border: 0; } ol { padding-left: 1.5rem; margin: .3rem 0; }
.line { width: 100%; max-width: 48rem; height: auto; display: block; }
.line text { fill: var(--soft); font-size: 10px; } .lane { fill: var(--lane); } .mount { fill: var(--mount); }
.master { fill: var(--ours); } .peer .master { fill: var(--peer); } .gap { fill: var(--gap); }
.fence { stroke: var(--bad); stroke-width: 2.5; fill: none; } .axis { stroke: var(--soft); }
.moment { stroke: var(--ink); stroke-dasharray: 2 2; } .acked { fill: var(--acked); } .failed { fill: var(--bad);
  fill-opacity: .45; }
@media (max-width: 48rem) {
  .agent { grid-template-columns: 1fr auto; margin-bottom: .5rem; } .bar { grid-column: 1 / -1; grid-row: 2; }
  .beside, .beside tbody, .beside tr, .beside th, .beside td { display: block; width: 100%; }
  .beside thead { display: none; } th { padding-bottom: 0; }
}
"""
