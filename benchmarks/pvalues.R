# pbkrtest's parametric bootstrap of 20 draws; benchmarks/session.R runs it.
packages <- c("lme4", "pbkrtest")
tasks <- function(d) {
  d$school <- factor(d$school)
  bootstrap <- function(small, large) {
    small <- lmer(small, d, REML = FALSE)
    large <- lmer(large, d, REML = FALSE)
    function(i) PBmodcomp(large, small, nsim = 20, seed = 1)
  }
  list(
    slope = bootstrap(mathach ~ ses + (1 | school), mathach ~ ses + (1 + ses | school)),
    interaction = bootstrap(mathach ~ ses + sector + (1 + ses | school),
                            mathach ~ ses * sector + (1 + ses | school))
  )
}
