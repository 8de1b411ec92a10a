"""The laboratory on the screen: move a population, see one sample, and see sampling happen.

What is computed stands apart from what is shown: `settings` to a study, `draws` of it, `live`
repeated sampling, `summary`; `pictures`, `controls` and `page` know Panel and Bokeh, and compute
nothing. `lesson` writes the page that needs no server.
"""
