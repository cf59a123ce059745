"""The contracts as test suites: subclass one, give it a fixture, and pytest checks your class (needs pytest).

======================================== ================== ================================================
suite                                    your fixture       gives
======================================== ================== ================================================
``medl.testing.controllers``             controller_factory ``(max_rounds, seed) -> Controller``
:class:`~controllers.ControllerContract`
``medl.testing.handlers``                handler            a new Handler
:class:`~handlers.HandlerContract`
``medl.testing.executors``               executor           a new Executor
:class:`~executors.ExecutorContract`
======================================== ================== ================================================

docs/your_own.md shows one of each.
"""
