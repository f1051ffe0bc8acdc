"""What the scikit-learn serving container does where the user's script does not: npy, JSON and CSV in and out.

``model_fn`` is the user's: nobody else knows how the model was saved. Source: the SageMaker scikit-learn container.
"""

from __future__ import annotations

from typing import Any

from clary.images.arrays import decode, encode

DEFAULT_ACCEPT = "application/json"

input_fn, output_fn = decode, encode


def model_fn(model_dir: str) -> Any:
    raise NotImplementedError(
        f"Define model_fn(model_dir) in your inference script: it loads what training saved in {model_dir}, "
        'for example: return joblib.load(os.path.join(model_dir, "model.joblib"))'
    )


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)
