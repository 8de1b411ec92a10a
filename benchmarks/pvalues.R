# pbkrtest's parametric bootstrap: prints `name seconds` a draw, processor time. Rscript pvalues.R FILE DRAWS
suppressMessages({library(lme4); library(pbkrtest)})
d <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE)
d$school <- factor(d$school)
draws <- as.integer(commandArgs(TRUE)[2])
cat("versions", paste("lme4", packageVersion("lme4"), "pbkrtest", packageVersion("pbkrtest")), "\n")
timed <- function(name, small, large) {
  small <- lmer(small, d, REML = FALSE)
  large <- lmer(large, d, REML = FALSE)
  set.seed(1)
  found <- system.time(suppressWarnings(suppressMessages(PBmodcomp(large, small, nsim = draws))))
  cat(name, sum(found[c(1, 2, 4, 5)], na.rm = TRUE) / draws, "\n")  # own time and that of children
}
timed("slope", mathach ~ ses + (1 | school), mathach ~ ses + (1 + ses | school))
timed("interaction", mathach ~ ses + sector + (1 + ses | school),
      mathach ~ ses * sector + (1 + ses | school))
