# Makes formulas.json, from the root of the project: Rscript tests/reference/formulas.R
suppressMessages({library(lme4); library(splines)})

# Bases of R's splines at some of the values that made them, and at others, also outside.
hs <- read.csv("simlab/data/hs.csv")
x <- hs$ses[1:60]
new <- c(-6, -1.5, 0, 0.7, 1.4, 3, 10)
rows <- 1:8
kept <- function(basis, new)
  list(basis = unclass(basis)[rows, , drop = FALSE],
       new = matrix(suppressWarnings(predict(basis, new)), length(new)))
on_x <- function(basis) kept(basis, new)
ties <- c(1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 5, 6, 6, 7, 9)  # two quantiles coincide
splines <- list(
  "ns(x)" = on_x(ns(x)),
  "ns(x, 3)" = on_x(ns(x, 3)),
  "ns(x, df=5)" = on_x(ns(x, df = 5)),
  "ns(x, df=4, intercept=True)" = on_x(ns(x, df = 4, intercept = TRUE)),
  "ns(x, knots=c(-1, 0.2, 1))" = on_x(ns(x, knots = c(-1, 0.2, 1))),
  "ns(x, knots=0.5)" = on_x(ns(x, knots = 0.5)),
  "ns(x, df=4, Boundary.knots=c(-1, 1))" = on_x(ns(x, df = 4, Boundary.knots = c(-1, 1))),
  "ns(ties, df=6)" = kept(ns(ties, df = 6), c(0, 2.5, 4, 12)),
  "bs(x)" = on_x(bs(x)),
  "bs(x, df=5)" = on_x(bs(x, df = 5)),
  "bs(x, 6, degree=2)" = on_x(bs(x, 6, degree = 2)),
  "bs(x, df=6, intercept=True)" = on_x(bs(x, df = 6, intercept = TRUE)),
  "bs(x, knots=c(-1, 0.2, 1))" = on_x(bs(x, knots = c(-1, 0.2, 1))),
  "bs(x, df=3, degree=1)" = on_x(bs(x, df = 3, degree = 1)),
  "bs(x, df=5, Boundary.knots=c(-1, 1))" =
    suppressWarnings(on_x(bs(x, df = 5, Boundary.knots = c(-1, 1)))))

# Fits by lme4, with tight tolerances of its optimiser.
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, xtol_rel = 1e-12, ftol_abs = 1e-14,
                                    ftol_rel = 1e-14, maxeval = 1e6),
                     check.conv.singular = "ignore")
fitted_by <- function(formula, data, clusters = 6, new = NULL) {
  m <- lmer(formula, data, control = tight)
  u <- as.matrix(ranef(m)[[1]])
  chosen <- round(seq(1, nrow(u), length.out = clusters))
  found <- list(
    formula = deparse1(formula), logLik = as.numeric(logLik(m)), beta = fixef(m),
    se = sqrt(diag(as.matrix(vcov(m)))), sd = unlist(lapply(VarCorr(m), attr, "stddev")),
    sigma = sigma(m), clusters = nrow(u), labels = rownames(u)[chosen],
    ranef = unname(u[chosen, , drop = FALSE]))
  if (!is.null(new)) found$new <- predict(m, new, re.form = NA)
  found
}
far <- data.frame(ses = c(-6, 0.1, 4), sector = "Public")
Machines <- read.csv("tests/reference/data/Machines.csv")
Machines <- transform(Machines, B = 1 * (Machine == "B"), C = 1 * (Machine == "C"))
hs <- transform(hs, ses.raw = ses, `class` = size, check.names = FALSE)
fits <- list(
  crossed = fitted_by(mathach ~ ses + (1 | school:minority), hs),
  slopes = fitted_by(mathach ~ ses * sector + (1 + ses | school:sex), hs),
  three = fitted_by(mathach ~ ses + (1 | sector:school:sex), hs),
  ns = fitted_by(mathach ~ ns(ses, df = 3) * sector + (1 | school), hs, new = far),
  knots = fitted_by(mathach ~ ns(ses, knots = c(-1, 0, 1)) + (1 | school), hs, new = far),
  bs = fitted_by(mathach ~ bs(ses, df = 5) + (1 | school), hs),
  random_ns = fitted_by(mathach ~ ses + (ns(ses, df = 2) | sector:minority:sex), hs),
  random_bs = fitted_by(mathach ~ bs(ses, df = 3) + (bs(ses, df = 3) | school), hs),
  converted = fitted_by(mathach ~ as.factor(minority) + as.numeric(sex == "Male") +
                          scale(ses.raw, scale = FALSE) + log(class) + (1 | school), hs),
  diag = fitted_by(score ~ Machine + (1 | Worker) + (0 + B | Worker) + (0 + C | Worker), Machines))

source <- list(versions = sprintf("%s, lme4 %s", R.version.string, packageVersion("lme4")),
               script = "formulas.R", rows = rows, x = x, ties = ties, new = new,
               new_ties = c(0, 2.5, 4, 12), far = far)
writeLines(jsonlite::toJSON(list(source = source, splines = splines, fits = fits),
                            auto_unbox = TRUE, digits = NA, pretty = 1),
           "tests/reference/formulas.json")
