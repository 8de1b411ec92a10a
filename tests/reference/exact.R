# Makes exact.json, from the root of the project: Rscript tests/reference/exact.R
suppressMessages({library(lme4); library(RLRsim)})
nsim <- 100000
seed <- 4711
probs <- c(0.5, 0.75, 0.9, 0.95, 0.99)
grid <- 1000  # points, where RLRsim takes 200

# Null distributions: the share of draws above 0, and quantiles.
law <- function(draws) list(positive = mean(draws > 0), quantiles = unname(quantile(draws, probs)))
restricted <- function(X, Z)
  law(RLRTSim(X, Z, sqrt.Sigma = diag(ncol(Z)), seed = seed, nsim = nsim, gridlength = grid))
full <- function(X, Z, q)
  law(LRTSim(X, Z, q, sqrt.Sigma = diag(ncol(Z)), seed = seed, nsim = nsim, gridlength = grid))

n <- c(2, 3, 5, 8, 13, 21)
g <- rep(1:6, n)
i <- seq_along(g)
x <- ((7 * i^2 + 3 * i) %% 17) / 4 - 2 + 0.3 * g
w <- g %% 3
Z <- model.matrix(~ 0 + factor(g))
even <- model.matrix(~ 0 + factor(rep(1:6, each = 5)))
large <- model.matrix(~ 0 + factor(rep(1:41, c(100, rep(3, 40)))))
hs <- read.csv("simlab/data/hs.csv")
schools <- model.matrix(~ 0 + factor(school), hs)
laws <- list(
  "balanced REML 0" = restricted(matrix(1, 30), even),
  "balanced ML 0" = full(matrix(1, 30), even, 0),
  "unbalanced REML 0" = restricted(cbind(1, x), Z),
  "unbalanced ML 0" = full(cbind(1, x), Z, 0),
  "unbalanced ML 1" = full(cbind(1, x), Z, 1),
  "slope REML 0" = restricted(cbind(1, x), Z * x),
  "slope ML 1" = full(cbind(1, x), Z * x, 1),
  "contextual REML 0" = restricted(cbind(1, x, w), Z),
  "contextual ML 2" = full(cbind(1, x, w), Z, 2),
  "one large REML 0" = restricted(matrix(1, 220), large),
  "hs REML 0" = restricted(cbind(1, hs$ses), schools),
  "hs ML 1" = full(cbind(1, hs$ses), schools, 1))

# Tests: statistic and p-value.
p_value <- function(h) list(statistic = unname(h$statistic), p = h$p.value)
reml <- function(formula, data)
  p_value(exactRLRT(lmer(formula, data), seed = seed, nsim = nsim, gridlength = grid))
ml <- function(formula, null, data)
  p_value(exactLRT(lmer(formula, data, REML = FALSE), lm(null, data), seed = seed, nsim = nsim,
                   gridlength = grid))
six <- subset(hs, school %in% unique(school)[16:21])
Dyestuff <- read.csv("tests/reference/data/Dyestuff.csv")
tests <- suppressMessages(list(
  "dyestuff REML 0" = reml(Yield ~ 1 + (1 | Batch), Dyestuff),
  "dyestuff ML 0" = ml(Yield ~ 1 + (1 | Batch), Yield ~ 1, Dyestuff),
  "intercept REML 0" = reml(mathach ~ ses + (1 | school), six),
  "intercept ML 0" = ml(mathach ~ ses + (1 | school), mathach ~ ses, six),
  "intercept ML 1" = ml(mathach ~ ses + minority + (1 | school), mathach ~ ses, six),
  "slope REML 0" = reml(mathach ~ ses + (0 + ses | school), six)))

versions <- sprintf("%s, lme4 %s, RLRsim %s", R.version.string, packageVersion("lme4"),
                    packageVersion("RLRsim"))
source <- list(versions = versions, script = "exact.R", seed = seed, nsim = nsim, grid = grid,
               probs = probs)
found <- list(source = source, laws = laws, tests = tests)
writeLines(jsonlite::toJSON(found, auto_unbox = TRUE, digits = 10, pretty = 1),
           "tests/reference/exact.json")
