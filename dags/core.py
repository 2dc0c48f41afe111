"""What all business areas share: clean, conformed tables."""

from headline.dag import pipeline_dag

core_shop = pipeline_dag("core/core_shop")
core_finance = pipeline_dag("core/core_finance")
