"""The style sheet of a page; it contains no character that HTML or XML would need escaped."""

SHEET = """
:root{--ink:#1d2430;--quiet:#5a6472;--paper:#fff;--line:#d5dae1;--tint:#f4f6f9;--link:#005a9c;
--note:#b34700}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--quiet:#a5aeba;--paper:#14181e;
--line:#39424e;--tint:#1d232b;--link:#7cc0f5;--note:#f0883e}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main div.simlab{font-family:inherit}
main,footer{max-width:66rem;margin:0 auto;padding:0 1.5rem}
h1{font-size:2rem;line-height:1.2;margin:2.2rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.35rem;line-height:1.3;margin:2.4rem 0 .8rem;padding-top:1.2rem;
border-top:1px solid var(--line);overflow-wrap:anywhere}
h3{font-size:1.1rem;margin:1.6rem 0 .4rem}
p,li{max-width:46rem}
a{color:var(--link)}
a:focus-visible{outline:2px solid currentColor;outline-offset:2px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;margin:0;padding:0}
p.lead{font-size:1.15rem}
p.note{border-left:.25rem solid var(--note);padding-left:.8rem}
figure{margin:1.2rem 0 1.6rem}
figure img{display:block;max-width:100%;height:auto;background:#fff;border-radius:.4rem}
@media (prefers-color-scheme:dark){figure img{padding:.6rem}}
figcaption{color:var(--quiet);font-size:.95rem;max-width:46rem;margin-top:.4rem}
div.wide{overflow-x:auto;margin:1rem 0 1.4rem}
table{border-collapse:collapse;font-size:.95rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:0 0 .5rem}
th,td{padding:.3rem .9rem;text-align:right;vertical-align:top;font-weight:normal;
white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
th.words,td.words{text-align:left;white-space:normal}
thead th,thead th.words{white-space:normal}
tbody th.words{white-space:nowrap}
thead th{color:var(--quiet);border-bottom:1.5px solid var(--ink);vertical-align:bottom}
tbody tr+tr th,tbody tr+tr td{border-top:1px solid var(--line)}
pre{background:var(--tint);border:1px solid var(--line);border-radius:.4rem;padding:.9rem 1.1rem;
overflow-x:auto;line-height:1.45}
pre,code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.9rem}
footer{color:var(--quiet);font-size:.9rem;margin-top:3rem;padding-bottom:2rem}
@media print{:root{--ink:#000;--quiet:#444;--paper:#fff;--line:#bbb;--tint:#f6f6f6;--link:#000}
body{background:#fff;color:#000;font-size:10pt}main,footer{max-width:none;padding:0}
nav{display:none}h2{break-after:avoid}figure,tr,pre{break-inside:avoid}
div.wide,pre{overflow:visible}pre{white-space:pre-wrap}th,td{padding:.2rem .5rem}}
"""
