# The peer of exact_null: prints `name seconds` lines, processor time. Rscript exact.R FILE
suppressMessages(library(RLRsim))
d <- read.csv(commandArgs(TRUE)[1])
X <- cbind(1, d$ses)
Z <- model.matrix(~ 0 + factor(school), d)
unit <- diag(ncol(Z))
timed <- function(name, action) {
  action()
  found <- system.time(for (i in 1:3) action())
  cat(name, sum(found[c("user.self", "sys.self")]) / 3, "\n")
}
cat("versions", paste(R.version.string, "RLRsim", packageVersion("RLRsim")), "\n")
timed("REML", function() RLRTSim(X, Z, sqrt.Sigma = unit, nsim = 1e5))
timed("ML", function() LRTSim(X, Z, 0, sqrt.Sigma = unit, nsim = 1e5))
