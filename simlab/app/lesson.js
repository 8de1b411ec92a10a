// The closed-form part of the laboratory, for a page without a server.
//
// Stored standard normals (z) and the sliders give a sample; least squares gives the pooled, the
// within-school (fixed effects), the averaged and the ecological lines; known variances give BLUPs.
// The letters are those of docs/notation.md. Python's own answers are compared with these numbers.

const v = Object.fromEntries(Object.entries(sliders).map(([name, slider]) => [name, slider.value]));
const J = z.m.length, n = z.n;

// (u_0j, u_1j) ~ (0, G) by the Cholesky factor of G.
const g00 = v.sd_intercepts ** 2, g11 = v.sd_slopes ** 2;
const g01 = v.correlation * v.sd_intercepts * v.sd_slopes;
const below = v.correlation * v.sd_slopes;
const rest = v.sd_slopes * Math.sqrt(Math.max(1 - v.correlation ** 2, 0));

const x = [], y = [], school = [], own = [];
for (let j = 0; j < J; j++) {
  const m = v.x_between * z.m[j];
  const xs = [], es = [];
  for (let i = 0; i < n; i++) {
    xs.push(m + v.x_within * z.d[j * n + i]);
    es.push(v.sigma * z.e[j * n + i]);
  }
  const x_mean = xs.reduce((a, b) => a + b) / n;
  const beta0 = v.gamma0 + (v.beta_between - v.beta_within) * x_mean + v.sd_intercepts * z.u0[j];
  const beta1 = v.beta_within + below * z.u0[j] + rest * z.u1[j];
  const ys = xs.map((value, i) => beta0 + beta1 * value + es[i]);
  const y_mean = ys.reduce((a, b) => a + b) / n;
  let ss_x = 0, s_xy = 0;
  for (let i = 0; i < n; i++) {
    ss_x += (xs[i] - x_mean) ** 2;
    s_xy += (xs[i] - x_mean) * (ys[i] - y_mean);
  }
  const slope = s_xy / ss_x;
  own.push({x_mean, y_mean, ss_x, s_xy, slope, intercept: y_mean - slope * x_mean,
            low: Math.min(...xs), high: Math.max(...xs)});
  for (let i = 0; i < n; i++) { x.push(xs[i]); y.push(ys[i]); school.push(j); }
}

const mean = (f) => own.reduce((sum, c) => sum + f(c), 0) / J;
const x_all = mean(c => c.x_mean), y_all = mean(c => c.y_mean);  // schools have one size
const within_xx = J * mean(c => c.ss_x), within_xy = J * mean(c => c.s_xy);
const between_xx = J * mean(c => n * (c.x_mean - x_all) ** 2);
const between_xy = J * mean(c => n * (c.x_mean - x_all) * (c.y_mean - y_all));

const through_means = (slope) => ({intercept: y_all - slope * x_all, slope});
const lines = {
  pooled: through_means((within_xy + between_xy) / (within_xx + between_xx)),
  fixed_effects_common: through_means(within_xy / within_xx),
  two_stage: {intercept: mean(c => c.intercept), slope: mean(c => c.slope)},
  ecological: through_means(between_xy / between_xx),
};

// V_j = G + σ²(X_j'X_j)⁻¹;  γ̂ = (Σ V_j⁻¹)⁻¹ Σ V_j⁻¹ β̂_j;  β̃_j = γ̂ + G V_j⁻¹ (β̂_j − γ̂).
const invert = ([a, b, d]) => { const det = a * d - b * b; return [d / det, -b / det, a / det]; };
const times = ([a, b, d], [p, q]) => [a * p + b * q, b * p + d * q];
let information = [0, 0, 0], score = [0, 0];
for (const c of own) {
  const s = v.sigma ** 2 / c.ss_x;
  c.precision = invert([
    g00 + v.sigma ** 2 / n + s * c.x_mean ** 2, g01 - s * c.x_mean, g11 + s,
  ]);
  information = information.map((value, k) => value + c.precision[k]);
  const part = times(c.precision, [c.intercept, c.slope]);
  score = [score[0] + part[0], score[1] + part[1]];
}
const gamma = times(invert(information), score);
lines.gls = {intercept: gamma[0], slope: gamma[1]};
for (const c of own) {
  const off = times(c.precision, [c.intercept - gamma[0], c.slope - gamma[1]]);
  const pull = times([g00, g01, g11], off);
  c.blup = [gamma[0] + pull[0], gamma[1] + pull[1]];
}

// What is shown, about the mean intercept.
for (const [name, reach] of [["y", 25], ["intercept", 15]]) {
  heights[name].setv({start: v.gamma0 - reach, end: v.gamma0 + reach});
}
students.data = {x, y, school};
schools.data = {
  intercept: own.map(c => c.intercept), slope: own.map(c => c.slope),
  b0: own.map(c => c.blup[0]), b1: own.map(c => c.blup[1]), school: own.map((_, j) => j),
};
school_lines.data = {
  xs: own.map(c => [c.low, c.high]),
  ys: own.map(c => [c.low, c.high].map(at => c.intercept + c.slope * at)),
  school: own.map((_, j) => j),
};
const ends = [frame.start, frame.end];
for (const [name, line] of Object.entries(lines)) {
  shown[name].data = {x: ends, y: ends.map(at => line.intercept + line.slope * at)};
  points[name].data = {x: [line.intercept], y: [line.slope]};
}
const angles = Array.from({length: 91}, (_, k) => 2 * Math.PI * k / 90);
dispersion.data = {
  x: angles.map(t => v.gamma0 + v.sd_intercepts * Math.cos(t)),
  y: angles.map(t => v.beta_within + below * Math.cos(t) + rest * Math.sin(t)),
};
const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
const cells = Object.entries(lines).map(([name, line]) =>
  `<tr><th scope="row"><span style="color:${colors[name]}">${signs[name]}</span> ${labels[name]}</th>` +
  `<td>${signed(line.intercept)}</td><td>${signed(line.slope)}</td></tr>`).join("");
const paradoxes = [];
if (v.beta_within * v.beta_between < 0) {
  paradoxes.push("Robinson: β_W and β_B have opposite signs");
}
if (v.beta_within * lines.pooled.slope < 0) {
  paradoxes.push("Simpson: the pooled slope has not the sign of β_W");
}
table.text = `<table><thead><tr><th scope="col">in this sample</th><th scope="col">intercept</th>` +
  `<th scope="col">slope</th></tr></thead><tbody>${cells}</tbody></table>` +
  `<p class="paradox">${paradoxes.join("<br>")}</p>`;
answer.data = {
  name: Object.keys(lines),
  intercept: Object.values(lines).map(line => line.intercept),
  slope: Object.values(lines).map(line => line.slope),
};
