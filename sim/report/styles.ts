// Law: colour carries meaning and never alone: what is red is also said.
export const styles = `
:root{color-scheme:light dark;--page:#f6f7f9;--paper:#fff;--ink:#1c2330;--faint:#667085;--grid:#e6e9ef;--line:#d3d8e1;--accent:#2f6fed;--good:#16915a;--bad:#d13438;--warn:#c77800;--violet:#7a52d1;--teal:#0f8b8d;--down:#e3b0b0;--healed:#eaf5ee}
@media(prefers-color-scheme:dark){:root{--page:#10141b;--paper:#181e28;--ink:#e7ebf2;--faint:#93a0b5;--grid:#252d3a;--line:#323c4c;--accent:#6ea0ff;--good:#43c58a;--bad:#ff6b6b;--warn:#f0a63a;--violet:#b094ff;--teal:#45c6c8;--down:#5a3237;--healed:#16261f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1200px;margin:0 auto;padding:28px 20px 60px;display:grid;grid-template-columns:1fr 1fr;gap:18px}
header,.cards,.wide,main>p{grid-column:1/-1}
@media(max-width:900px){main{grid-template-columns:minmax(0,1fr)}}
h1{font-size:27px;line-height:1.2;margin:12px 0 4px;letter-spacing:-.01em}
h1 .faint{font-weight:400}
h2{font-size:16px;margin:0 0 2px}
p{margin:0 0 10px}
.about{font-size:16px;max-width:70ch}
.again code{background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:3px 8px;font-size:13px;margin-right:8px}
.faint{color:var(--faint)}
section p.faint{font-size:13px;max-width:95ch}
.verdict{display:inline-block;padding:3px 12px;border-radius:99px;font-weight:600;font-size:14px;color:#fff}
.verdict.ok{background:var(--good)}.verdict.fail{background:var(--bad)}
@media(prefers-color-scheme:dark){.verdict{color:#10141b}}
section,.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:16px 18px;min-width:0}
section.broken{border-color:var(--bad)}
.violations{margin:6px 0 0;padding-left:18px}
.violations b{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px}
.card{padding:12px 14px;display:flex;flex-direction:column}
.card .faint{font-size:13px}
.card strong{font-size:21px;line-height:1.3;font-weight:650}
.card small{color:var(--faint);font-size:12px;line-height:1.35}
svg{width:100%;height:auto;display:block;font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
svg text{fill:var(--ink)}
/* The end is what matters: it is scrolled to from the start. */
.scroll{overflow-x:auto;direction:rtl}
.scroll svg{width:auto;max-width:none;direction:ltr}
.grid{stroke:var(--grid)}
.tick,svg .faint{fill:var(--faint)}
.rowname{fill:var(--faint);font-variant-numeric:tabular-nums}
.rowhead{font-weight:600}
.healed{fill:var(--healed)}
.down{fill:var(--down)}
.life{fill:var(--accent);opacity:.75}.life.liar{fill:var(--violet)}
.fault rect{fill:var(--warn);opacity:.4}
.fault.crash rect{fill:var(--bad)}.fault.split rect,.fault.cut rect,.fault.isolate rect,.fault.clog rect,.fault.flap rect{fill:var(--violet)}.fault.disk rect,.fault.clock rect{fill:var(--teal)}
.work{fill:var(--faint);opacity:.8}.work.completed{fill:var(--good)}.work.failed{fill:var(--warn)}.work.running{fill:var(--bad)}
.accepted{fill:var(--paper);stroke:var(--ink)}
.step{stroke:var(--ink);stroke-width:1.4}
.violation line{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}.violation path{fill:var(--bad)}
.curve{fill:none;stroke:var(--accent);stroke-width:2}
.quantile line{stroke:var(--accent);stroke-dasharray:3 3}.quantile circle{fill:var(--accent)}
.amount{fill:var(--accent);opacity:.7}
.link{stroke:var(--accent)}
.node circle{fill:var(--paper);stroke:var(--accent);stroke-width:2}.node.liar circle{stroke:var(--violet);stroke-dasharray:3 2}
.site{fill:none;stroke:var(--line);stroke-width:5;stroke-linecap:round}
.sitename{fill:var(--faint);font-weight:600}
.lane{stroke:var(--line);stroke-width:1.5}
.arrow line{stroke:var(--faint);opacity:.55}
.arrow.consensus line{stroke:var(--accent);opacity:.8}.arrow.lane line{stroke:var(--teal)}.arrow.task line{stroke:var(--warn)}
.arrow:hover line{stroke:var(--bad);opacity:1;stroke-width:2}
#head path{fill:var(--faint)}
.moment circle{fill:var(--faint)}
.moment.entry circle{fill:var(--accent)}.moment.ended circle{fill:var(--good)}.moment.start circle{fill:var(--good)}.moment.end circle,.moment.error circle{fill:var(--bad)}.moment.ask circle{fill:var(--violet)}
.moment.effect circle{fill:var(--bad);stroke:var(--paper);stroke-width:2}
.moment text{font-size:10px;fill:var(--faint)}
.moment.effect text{fill:var(--bad);font-weight:600}
.liar{fill:var(--violet)}
pre{font:12px/1.4 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow:auto;max-height:420px;background:var(--page);border-radius:6px;padding:10px}
summary{cursor:pointer;font-size:14px}
`;
