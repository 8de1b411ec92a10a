# The peers of simlab.fit: prints `name seconds` lines, processor time. Rscript mixed.R FILE TASK
task <- commandArgs(TRUE)[2]
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest)})
d <- read.csv(commandArgs(TRUE)[1])
d$cluster <- factor(d$cluster)
formula <- y ~ x * w + (1 + x | cluster)
timed <- function(name, times, action) {
  action(1)
  found <- system.time(for (i in seq_len(times)) action(i))
  cat(name, sum(found[c("user.self", "sys.self")]) / times, "\n")
}
cat("versions", paste("lme4", packageVersion("lme4"), "lmerTest", packageVersion("lmerTest"),
                      "pbkrtest", packageVersion("pbkrtest")), "\n")
if (task == "small") {
  fit <- lme4::lmer(formula, d)
  timed("refit", 50, function(i) refit(fit, d$y + 1e-6 * i))
  timed("lmer", 11, function(i) lme4::lmer(formula, d))
  timed("satterthwaite", 11, function(i) summary(lmerTest::lmer(formula, d)))
  timed("kenward-roger", 3, function(i) summary(lmerTest::lmer(formula, d), ddf = "Kenward-Roger"))
} else if (task == "many clusters") {
  fit <- lme4::lmer(formula, d)
  timed("refit", 3, function(i) refit(fit, d$y + 1e-6 * i))
} else {
  timed("lmer", 1, function(i) lme4::lmer(formula, d))
}
