"""A program that trains with rules by an unmodified SageMaker SDK 2.x; it prints a line of JSON at its end."""

from __future__ import annotations

EXPLODES = '''
import json, pathlib, sys, time
import sagemaker
from sagemaker.debugger import CollectionConfig, DebuggerHookConfig, Rule, rule_configs
from sagemaker.pytorch import PyTorch

folder = pathlib.Path(sys.argv[1])
(folder / "train.py").write_text("""
import argparse, time
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
torch.manual_seed(0)
net, criterion = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), parser.parse_args().learning_rate)
while True:
    rows = torch.randn(16, 4)
    optimizer.zero_grad()
    loss = criterion(net(rows), rows.sum(1, keepdim=True))
    loss.backward()
    optimizer.step()
    time.sleep(0.01)
""")
(folder / "huge_loss.py").write_text("""
from smdebug.rules.rule import Rule

class HugeLoss(Rule):
    def __init__(self, base_trial, limit):
        super().__init__(base_trial)
        self.limit = float(limit)

    def invoke_at_step(self, step):
        names = self.base_trial.tensor_names(step=step, collection="losses")
        return any(self.base_trial.tensor(name).reduction_value(step, "mean") > self.limit for name in names)
""")
session = sagemaker.Session()
image = "895741380848.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rule-evaluator:latest"
losses = CollectionConfig("losses", {"save_interval": "1"})
rules = [
    Rule.sagemaker(rule_configs.exploding_tensor(), actions=rule_configs.ActionList(
        rule_configs.StopTraining(), rule_configs.Email("a@b.co"))),
    Rule.sagemaker(rule_configs.loss_not_decreasing(), rule_parameters={"num_steps": "2"},
                   collections_to_save=[losses]),
    Rule.sagemaker(rule_configs.vanishing_gradient()),
    Rule.custom(name="HugeLoss", image_uri=image, instance_type="ml.t3.medium", volume_size_in_gb=5,
                source=str(folder / "huge_loss.py"), rule_to_invoke="HugeLoss", rule_parameters={"limit": "1000"}),
]
estimator = PyTorch(
    "train.py", source_dir=str(folder), role=sagemaker.get_execution_role(), framework_version="2.3",
    py_version="py311", instance_type="ml.m5.large", instance_count=1, sagemaker_session=session,
    base_job_name="too-fast", hyperparameters={"learning-rate": 1}, rules=rules, max_run=200,
    debugger_hook_config=DebuggerHookConfig(
        hook_parameters={"save_interval": "1"},
        collection_configs=[losses]),
)
try:
    estimator.fit(wait=True)
except Exception as error:
    print("fit:", error)
job = estimator.latest_training_job
while any(rule["RuleEvaluationStatus"] in ("InProgress", "Stopping") for rule in job.rule_job_summary()):
    time.sleep(0.2)
print(json.dumps({
    "name": job.name,
    "status": job.describe()["TrainingJobStatus"],
    "message": job.describe()["SecondaryStatusTransitions"][-1]["StatusMessage"],
    "rules": {rule["RuleConfigurationName"]: [rule["RuleEvaluationStatus"], rule.get("StatusDetails", "")]
              for rule in job.rule_job_summary()},
    "artifacts": estimator.latest_job_debugger_artifacts_path(),
    "built_in": sorted(getattr(rule_configs, name)()["DebugRuleConfiguration"]["RuleParameters"]["rule_to_invoke"]
                       for name in vars(rule_configs) if name in
                       """vanishing_gradient similar_across_runs weight_update_ratio all_zero exploding_tensor unchanged_tensor
                       loss_not_decreasing check_input_images dead_relu confusion tree_depth class_imbalance overfit
                       tensor_variance overtraining poor_weight_initialization saturated_activation nlp_sequence_ratio
                       stalled_training_rule feature_importance_overweight create_xgboost_report""".split()),
}))
'''
