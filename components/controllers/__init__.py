"""Controllers: what recommends values. A config names them; the dotted path is imported when it does."""

CONTROLLERS = {
    "GridController": "medl.components.controllers.grid.GridController",
    "RandomController": "medl.components.controllers.random.RandomController",
    "ReinforcementController": "medl.components.controllers.reinforcement.ReinforcementController",
}
