"""The laboratory on the screen: move a population, see one sample, and see sampling happen.

What is computed stands apart from what is shown. `settings` says which study the controls stand
for, `draws` draws it, `sample` holds one sample as arrays, `live` repeats, `summary` measures;
none of them knows a picture. `pictures`, `controls` and `page` know Panel and Bokeh, and compute
nothing. `lesson` writes the page that needs no server.
"""
