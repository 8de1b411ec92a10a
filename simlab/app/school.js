// Copy school j's students, line and points to the sources that are drawn on top.
const pick = (from, columns, keep) => {
  const out = {};
  for (const c of columns) { out[c] = []; }
  const n = from.data[columns[0]].length;
  for (let i = 0; i < n; i++) {
    if (keep(i)) { for (const c of columns) { out[c].push(from.data[c][i]); } }
  }
  return out;
};
const show = (j) => {
  if (focus.tags[0] === j) { return; }
  focus.tags = [j];
  students_on.data = pick(students, ["x", "y"], i => students.data.school[i] === j);
  line_on.data = pick(lines, ["x0", "y0", "x1", "y1"], i => lines.data.school[i] === j);
  point_on.data = pick(schools, ["intercept", "slope", "b0", "b1"],
                       i => schools.data.school[i] === j);
};
