"""Controllers: what recommends values. A config names them; the dotted path is imported when it does."""

CONTROLLERS = {
    "AshaController": "medl.components.controllers.asha.AshaController",
    "BayesianController": "medl.components.controllers.bayesian.BayesianController",
    "BfboController": "medl.components.controllers.bfbo.BfboController",
    "BohbController": "medl.components.controllers.bohb.BohbController",
    "CmaesController": "medl.components.controllers.cmaes.CmaesController",
    "DehbController": "medl.components.controllers.dehb.DehbController",
    "EvolutionController": "medl.components.controllers.evolution.EvolutionController",
    "GridController": "medl.components.controllers.grid.GridController",
    "HyperbandController": "medl.components.controllers.hyperband.HyperbandController",
    "HyperbandEsController": "medl.components.controllers.hyperband_es.HyperbandEsController",
    "Nsga2Controller": "medl.components.controllers.nsga2.Nsga2Controller",
    "PbtController": "medl.components.controllers.pbt.PbtController",
    "QmcController": "medl.components.controllers.qmc.QmcController",
    "RandomController": "medl.components.controllers.random.RandomController",
    "ReinforcementController": "medl.components.controllers.reinforcement.ReinforcementController",
    "TpeController": "medl.components.controllers.tpe.TpeController",
}
