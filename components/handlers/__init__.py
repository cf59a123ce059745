"""Handlers of a search: what reacts to jobs. A config names them; the dotted path is imported when it does."""

HANDLERS = {
    "MMARHandler": "medl.components.handlers.mmar_handler.MMARHandler",
    "MMARStatsHandler": "medl.components.handlers.mmar_stats_handler.MMARStatsHandler",
    "StatsHandler": "medl.components.handlers.stats_handler.StatsHandler",
}
