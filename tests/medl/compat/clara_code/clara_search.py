"""User code as it was written for Clara Train 4: its import paths, raw keys, ids that are numbers, surplus."""

import threading
from random import randint, uniform

import mlflow
from automl.components.controllers.controller import Controller
from automl.components.handlers.handler import Handler
from automl.defs import Context, ContextKey, Outcome, Recommendation, SearchResult


class RandomSearch(Controller):
    def __init__(self, max_rounds=10):
        Controller.__init__(self)
        self.max_rounds = max_rounds
        self.space = None
        self.next_id = 0
        self.tried = {}
        self.best = []

    def set_search_space(self, space, ctx):
        self.space = space

    def batch(self):
        found = []
        for _ in range(self.max_rounds):
            values = {}
            for key, target in self.space.targets.items():
                if ".enum" in key:
                    values[key] = randint(0, len(target) - 1)
                else:
                    values[key] = uniform(target[0].min, target[0].max)
            self.tried[self.next_id] = {"values": values, "score": None}
            found.append(Recommendation(self.next_id, SearchResult(self.space, values)))
            self.next_id += 1
        return found

    def initial_recommendation(self, ctx):
        return self.batch()

    def refine_recommendation(self, outcome: Outcome, ctx: Context):
        # fails for an id that is not the very number that was given
        self.tried[outcome.recommendation_id]["score"] = outcome.score
        self.best.append((-outcome.score, outcome.recommendation_id))
        self.best.sort()
        if len(self.best) >= self.max_rounds:
            ctx.stop_work(self, f"{self.max_rounds} results are in")
            return []
        return self.batch()


class MLflowLogger(Handler):
    def __init__(self):
        Handler.__init__(self)
        self.lock = threading.Lock()
        self.seen = []

    def startup(self, ctx: Context):
        mlflow.set_tracking_uri("runs")

    def recommendations_available(self, ctx: Context):
        for rec in ctx.get_prop(ContextKey.RECOMMENDATIONS):
            self.seen.append(rec.result.dump())

    def start_job(self, ctx: Context):
        print("start of", ctx.get_prop("_jobName"), "of", len(ctx.get_prop("_recommendations")))

    def round_ended(self, ctx: Context):
        raise AssertionError("there is no such event")

    def end_job(self, ctx: Context):
        values = ctx.get_prop(ContextKey.CONCRETE_SEARCH_VALUE)
        with self.lock, mlflow.start_run() as run:
            run.set_tag("job", ctx.get_prop(ContextKey.JOB_NAME))
            for key, value in values.items():
                mlflow.log_param(key.split(":")[1], value[0])
            mlflow.log_metric("Acc", ctx.get_prop(ContextKey.SCORE))
