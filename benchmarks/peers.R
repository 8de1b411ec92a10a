# lme4 and lmerTest on the responses y1, y2, … of the same rows; see session.R.
packages <- c("lme4", "lmerTest")
answer <- function(fit) c(lme4::fixef(fit), logLik(fit))
tasks <- function(d) {
  d$cluster <- factor(d$cluster)
  formula <- y ~ x + (1 + x | cluster)
  response <- function(i) d[[paste0("y", i)]]
  with_response <- function(i) { d$y <- response(i); d }
  ml <- function(...) lme4::lmer(formula, with_response(1), REML = FALSE, ...)
  checked <- ml()
  unchecked <- ml(control = lmerControl(calc.derivs = FALSE))
  list(
    refit = function(i) refit(unchecked, response(i)),
    refit_checked = function(i) refit(checked, response(i)),
    lmer = function(i) lme4::lmer(formula, with_response(i)),
    satterthwaite = function(i) summary(lmerTest::lmer(formula, with_response(i)))
  )
}
