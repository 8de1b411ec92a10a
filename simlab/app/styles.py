"""Styles inside shadow roots, which the style sheet of the page does not reach."""

SLIDER_CSS = """
:host { --slider-size: 6px; }
.bk-slider-title { font-size: 14px; color: var(--ink); line-height: 1.15; white-space: nowrap; }
.noUi-target { margin-top: 3px; }
.noUi-handle:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""

BUTTON_CSS = """
.bk-btn, .bk-btn-group .bk-btn { font-size: 14px; padding: 5px 6px; color: var(--ink); }
.bk-btn.bk-active, .bk-btn-primary { background: var(--accent) !important;
                                     color: var(--paper) !important; }
.bk-btn:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
select.bk-input, input.bk-input { font-size: 14px; color: var(--ink); padding: 2px 6px; }
label { font-size: 14px; color: var(--ink); }
"""

BESIDE_CSS = """
.bk-input-group { display: flex; flex-direction: row; align-items: center; gap: 6px; }
.bk-input-group label { white-space: nowrap; }
input { appearance: textfield; }
.bk-spin-wrapper .bk-spin-btn { display: none; }
"""

TABLE_CSS = """
table { border-collapse: collapse; width: 100%; font-size: 14px; color: var(--ink); }
caption { text-align: left; font-weight: 600; padding: 2px 4px; }
p.note { font-size: 16px; line-height: 1.35; color: var(--ink); margin: 6px; }
th[scope=row] { text-align: left; font-weight: 400; white-space: nowrap; }
th[scope=col] { text-align: right; font-weight: 600; line-height: 1.1; vertical-align: bottom; }
td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td, th { padding: 1.5px 4px; border-bottom: 1px solid var(--line); }
small { color: var(--quiet); font-size: 12px; }
tr.focus th, tr.focus td { background: var(--tint); font-weight: 700; }
@media (max-width: 1100px) and (min-width: 961px) {
  small { display: none; } table { font-size: 13px; } td, th { padding: 2px 1px; } }
td.off { color: var(--miss); font-weight: 700; }
"""

TEXT_CSS = "pre { font-size: 14px; line-height: 1.3; color: var(--ink); white-space: pre-wrap; }"

BADGE_CSS = """
.badge { display: inline-block; background: var(--miss); color: var(--paper); border-radius: 6px;
         padding: 3px 8px; font-size: 15px; margin-left: 6px; white-space: nowrap; }
div { white-space: nowrap; }
@media (max-width: 1100px) { .badge { font-size: 13px; padding: 3px 5px; margin-left: 3px; } }
.none { color: var(--quiet); font-size: 14px; }
"""
