# RLRsim's exact null, the peer of exact_null; benchmarks/session.R runs it.
packages <- "RLRsim"
tasks <- function(d) {
  X <- cbind(1, d$ses)
  Z <- model.matrix(~ 0 + factor(school), d)
  unit <- diag(ncol(Z))
  list(
    REML = function(i) RLRTSim(X, Z, sqrt.Sigma = unit, nsim = 1e5),
    ML = function(i) LRTSim(X, Z, 0, sqrt.Sigma = unit, nsim = 1e5)
  )
}
