// Say "working" while the server has not answered for a third of a second.
//
// After whatever the visitor does a number goes to the server (echo.value), which sends it back
// (echo.tags) when it has done what was asked before.
const SENT = 40, LONG = 300;  // milliseconds: widgets gather moves for less than the former
const said = document.getElementById("working");
let asked = 0, waiting = false, again = false, timer = null;
const ask = () => { asked += 1; echo.value = asked; };
const begin = () => {
  if (waiting) { again = true; return; }
  waiting = true;
  timer = setTimeout(() => { said.hidden = false; }, LONG);
  setTimeout(ask, SENT);
};
echo.properties.tags.change.connect(() => {
  if (echo.tags[0] !== asked) { return; }
  if (again) { again = false; setTimeout(ask, SENT); return; }
  waiting = false;
  clearTimeout(timer);
  said.hidden = true;
});
for (const kind of ["pointerup", "pointermove", "keydown", "change"]) {
  document.addEventListener(kind, (event) => {
    // Bare moves of the pointer ask nothing of the server.
    if (kind !== "pointermove" || event.buttons) { begin(); }
  }, {capture: true, passive: true});
}
