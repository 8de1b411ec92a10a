# Answers simlab's benchmark line by line. Rscript session.R TASKS DATA
#
# TASKS is an R file with `packages`, `tasks(d)`, a list of functions of i = 1, 2, …, and `answer`,
# from what a task returns to numbers. The first line says what is there. Then, for each line read:
#   seconds NAME TIMES   processor time of one of so many calls, of this process and its children
#   answer NAME I        the numbers of call I
# A line that begins with "error" says what went wrong.
arguments <- commandArgs(TRUE)
source(arguments[1])
there <- packages[vapply(packages, requireNamespace, TRUE, quietly = TRUE)]
versions <- vapply(there, function(p) paste(p, packageVersion(p)), "")
say <- function(...) { cat(..., "\n"); flush(stdout()) }
say(paste(c(paste("R", getRversion()), versions), collapse = ";"))
data <- read.csv(arguments[2], stringsAsFactors = TRUE)
for (p in there) suppressMessages(library(p, character.only = TRUE))
lines <- file("stdin", "r")
made <- NULL
reply <- function(words) {
  if (is.null(made)) made <<- tasks(data)
  task <- made[[words[2]]]
  number <- as.integer(words[3])
  if (words[1] == "answer") return(answer(task(number)))
  found <- system.time(for (i in seq_len(number)) task(i))
  sum(found[c(1, 2, 4, 5)], na.rm = TRUE) / number
}
while (length(line <- readLines(lines, 1)) > 0) {
  numbers <- tryCatch(
    suppressWarnings(suppressMessages(reply(strsplit(line, " ")[[1]]))),
    error = function(e) paste("error", gsub("\\s+", " ", conditionMessage(e)))
  )
  say(if (is.numeric(numbers)) format(numbers, digits = 15) else numbers)
}
