# The peers of simlab.fit: prints `name seconds` lines. Rscript mixed.R FILE TASK
task <- commandArgs(TRUE)[2]
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest)})
d <- read.csv(commandArgs(TRUE)[1])
d$cluster <- factor(d$cluster)
formula <- y ~ x * w + (1 + x | cluster)
timed <- function(name, times, action) {
  action(1)
  found <- sapply(seq_len(times), function(i) system.time(action(i))["elapsed"])
  cat(name, median(found), "\n")
}
cat("versions", paste("lme4", packageVersion("lme4"), "lmerTest", packageVersion("lmerTest"),
                      "pbkrtest", packageVersion("pbkrtest")), "\n")
if (task == "small") {
  fit <- lme4::lmer(formula, d)
  timed("refit", 31, function(i) refit(fit, d$y + 1e-6 * i))
  timed("lmer", 11, function(i) lme4::lmer(formula, d))
  timed("satterthwaite", 11, function(i) summary(lmerTest::lmer(formula, d)))
  timed("kenward-roger", 3, function(i) summary(lmerTest::lmer(formula, d), ddf = "Kenward-Roger"))
} else if (task == "many clusters") {
  fit <- lme4::lmer(formula, d)
  timed("refit", 3, function(i) refit(fit, d$y + 1e-6 * i))
} else {
  timed("lmer", 1, function(i) lme4::lmer(formula, d))
}
