# Makes codings.json, from the root of the project: Rscript tests/reference/codings.R
suppressMessages({library(lmerTest); library(car); library(emmeans); library(jsonlite)})
oats <- read.csv("tests/reference/data/Oats.csv", stringsAsFactors = TRUE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5))
fitted <- function(formula, data) suppressMessages(lmer(formula, data, control = control))

# Names and estimates of other codings: lme4's `C(f, sum)` is simlab's `C(f, Sum)`.
coded <- list(
  "yield ~ C(Variety, sum) * C(nitroF, poly) + (1 | Block)",
  "yield ~ C(Variety, helmert) + C(nitroF, helmert) + (1 | Block)",
  "yield ~ C(Variety, contr.treatment(3, base = 2)) + nitro + (1 | Block)",
  "yield ~ 0 + C(Variety, sum) + C(nitroF, sum) + (1 | Block)",
  "yield ~ nitro + C(Variety, sum):nitro + (1 | Block)"
)
codings <- lapply(coded, function(formula) {
  fm <- fitted(as.formula(formula), oats)
  list(formula = formula, names = names(fixef(fm)), beta = unname(fixef(fm)),
       se = sqrt(diag(as.matrix(vcov(fm)))))
})

# An empty cell: no rows of Victory with nitro 0.6.
holed <- subset(oats, !(Variety == "Victory" & nitroF == "N0.6"))
fm <- fitted(yield ~ nitroF * Variety + (1 | Block), holed)
three <- anova(fm, type = 3)
kr <- anova(fm, type = 3, ddf = "Kenward-Roger")
two <- Anova(fm, type = 2)
cells <- as.data.frame(emmeans(fm, ~ nitroF * Variety, lmer.df = "asymptotic"))
last <- "nitroF:Variety"
empty <- list(
  names = names(fixef(fm)),
  interaction = list(F = three[last, "F value"], NumDF = three[last, "NumDF"],
                     DenDF = three[last, "DenDF"], KR_DenDF = kr[last, "DenDF"],
                     KR_F = kr[last, "F value"]),
  car_II = list(terms = rownames(two), Chisq = two$Chisq, Df = two$Df),
  cells = list(nitroF = cells$nitroF, Variety = cells$Variety, mean = cells$emmean, se = cells$SE)
)
source <- list(
  versions = paste0(R.version.string, ", lme4 ", packageVersion("lme4"), ", lmerTest ",
    packageVersion("lmerTest"), ", pbkrtest ", packageVersion("pbkrtest"), ", car ",
    packageVersion("car"), ", emmeans ", packageVersion("emmeans")),
  made_by = "tests/reference/codings.R"
)
write_json(list(source = source, codings = codings, empty_cell = empty),
           "tests/reference/codings.json", auto_unbox = TRUE, digits = 15, na = "null", pretty = TRUE)
