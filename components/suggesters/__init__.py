"""Suggesters: where a new configuration comes from. A config names them; the dotted path is imported when it does."""

SUGGESTERS = {
    "bayesian": "medl.components.suggesters.gp.GpSuggester",
    "grid": "medl.components.suggesters.grid.GridSuggester",
    "kde": "medl.components.suggesters.kde.KdeSuggester",
    "random": "medl.components.suggesters.random.RandomSuggester",
    "tpe": "medl.components.suggesters.tpe.TpeSuggester",
}
