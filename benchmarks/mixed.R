# lme4 and lmerTest with four fixed effects; benchmarks/session.R runs it.
packages <- c("lme4", "lmerTest", "pbkrtest")
tasks <- function(d) {
  d$cluster <- factor(d$cluster)
  formula <- y ~ x * w + (1 + x | cluster)
  fit <- NULL
  list(
    refit = function(i) {
      if (is.null(fit)) fit <<- lme4::lmer(formula, d, REML = FALSE)
      refit(fit, d$y + 1e-6 * i)
    },
    lmer = function(i) lme4::lmer(formula, d),
    kenward_roger = function(i) summary(lmerTest::lmer(formula, d), ddf = "Kenward-Roger")
  )
}
