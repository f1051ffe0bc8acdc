"""Every member of a served operation that names a KMS key is used, or refused; none is only repeated."""

from __future__ import annotations

from collections.abc import Iterator

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary import services
from clary.gateway import models

SETTINGS = ("SharingSettings.S3KmsKeyId", "CanvasAppSettings.WorkspaceSettings.S3KmsKeyId")
USED = {
    "CreateTrainingJob OutputDataConfig.KmsKeyId",
    "CreateProcessingJob ProcessingOutputConfig.KmsKeyId",
    "CreateTransformJob TransformOutput.KmsKeyId",
    "CreateAutoMLJob OutputDataConfig.KmsKeyId",
    "CreateAutoMLJobV2 OutputDataConfig.KmsKeyId",
    "CreateLabelingJob OutputConfig.KmsKeyId",
    "CreateFeatureGroup OfflineStoreConfig.S3StorageConfig.KmsKeyId",
    "PutObject SSEKMSKeyId",
    "CopyObject SSEKMSKeyId",
    "CreateMultipartUpload SSEKMSKeyId",
    "PutBucketEncryption ServerSideEncryptionConfiguration.Rules.ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
}
REFUSED = {
    "CreateLogGroup kmsKeyId",
    "CreateTrainingJob ResourceConfig.VolumeKmsKeyId",
    "CreateProcessingJob ProcessingResources.ClusterConfig.VolumeKmsKeyId",
    "CreateTransformJob TransformResources.VolumeKmsKeyId",
    "CreateTransformJob DataCaptureConfig.KmsKeyId",
    "CreateAutoMLJob AutoMLJobConfig.SecurityConfig.VolumeKmsKeyId",
    "CreateAutoMLJobV2 SecurityConfig.VolumeKmsKeyId",
    "CreateEndpointConfig KmsKeyId",
    "CreateLabelingJob LabelingJobAlgorithmsConfig.LabelingJobResourceConfig.VolumeKmsKeyId",
    "CreateEndpointConfig ProductionVariants.CoreDumpConfig.KmsKeyId",
    "CreateFeatureGroup OnlineStoreConfig.SecurityConfig.KmsKeyId",
    "CreateDomain KmsKeyId",
    "CreateDomain HomeEfsFileSystemKmsKeyId",
    *(f"{verb}Domain DefaultUserSettings.{member}" for verb in ("Create", "Update") for member in SETTINGS),
    *(f"{verb}UserProfile UserSettings.{member}" for verb in ("Create", "Update") for member in SETTINGS),
    "CreateModelCard SecurityConfig.KmsKeyId",
    "CreateNotebookInstance KmsKeyId",
}
# Refused with all that they stand in; a DataCaptureConfig that captures nothing writes nothing either.
WHOLE = (
    "CreateAlgorithm ValidationSpecification.",
    "CreateProcessingJob ProcessingInputs.DatasetDefinition.",
    "CreateEndpointConfig AsyncInferenceConfig.",
    "CreateEndpointConfig DataCaptureConfig.",
    "CreateEndpointConfig ShadowProductionVariants.",
)


def keys(shape: Shape, path: tuple[str, ...] = (), seen: frozenset[str] = frozenset()) -> Iterator[str]:
    if isinstance(shape, StructureShape) and shape.name not in seen:
        for name, member in shape.members.items():
            if "kms" in name.lower() and name.lower().endswith("keyid"):
                yield ".".join((*path, name))
            yield from keys(member, (*path, name), seen | {shape.name})
    elif isinstance(shape, ListShape):
        yield from keys(shape.member, path, seen)
    elif isinstance(shape, MapShape):
        yield from keys(shape.value, path, seen)


def test_every_member_that_names_a_key_is_used_or_refused() -> None:
    served, found = services.discover(), set[str]()
    for service in sorted({name for name, _ in served} - {"kms"}):
        model = models.service(service)
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            if (service, xform_name(name)) in served and shape is not None:
                found |= {f"{name} {member}" for member in keys(shape)}
    assert {member for member in found if not member.startswith(WHOLE)} == USED | REFUSED
