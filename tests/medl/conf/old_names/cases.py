"""One case for each class and row of the table of old names: the old args, today's, and how to compare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NET = {"in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]}
KEYS = {"keys": ["image"]}
CROP = {"keys": ["image", "label"], "label_key": "label", "spatial_size": [4, 4, 4]}
SPIKE = {"loc": [0, 1, 1, 1], "k_intensity": 3.0}
DYN = {
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 2,
    "kernel_size": [3, 3, 3],
    "strides": [1, 2, 2],
    "upsample_kernel_size": [2, 2],
}
GROUP = {"norm": ["GROUP", {"num_groups": 4}]}
UNETR = {"in_channels": 1, "out_channels": 2, "img_size": [16, 16, 16], "hidden_size": 8, "mlp_dim": 16, "num_heads": 2}
VIT = {
    "in_channels": 1,
    "img_size": [16, 16, 16],
    "patch_size": [8, 8, 8],
    "hidden_size": 8,
    "mlp_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
}
AFFINE = ["INSTANCE", {"affine": True}]
SENET = {"spatial_dims": 2, "in_channels": 1, "num_classes": 2}
LABELS = [["L", "R"], ["P", "A"], ["I", "S"]]


@dataclass(frozen=True)
class Case:
    """What an old component is today.

    Attributes:
        old: its args.
        new: today's args.
        name: today's class where it is another.
        refused: a text of the problem, where there is no equivalent.
        built: args that a config cannot hold, for building both.
        only_config: why nothing is built.
        differs: args with which today's class gives something else, so that the comparison can fail.
    """

    old: dict[str, Any] = field(default_factory=dict)
    new: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    refused: str = ""
    built: tuple[str, ...] = ()
    only_config: str = ""
    differs: dict[str, Any] | None = None


def dropped(arg: str, value: Any = "x", **args: Any) -> Case:
    return Case({**args, arg: value}, args)


def renamed(arg: str, to: str, value: Any, **args: Any) -> Case:
    return Case({**args, arg: value}, {**args, to: value})


def default(arg: str, value: Any, differs: Any, **args: Any) -> Case:
    return Case(args, {**args, arg: value}, differs={**args, arg: differs})


def with_tensor_output(name: str) -> dict[str, Any]:
    rotated = {"rotate_range": [0.3, 0.2, 0.1], "prob": 1.0}
    elastic = {"magnitude_range": [1, 2], "prob": 1.0}
    given = {
        "RandAffine": rotated,
        "Affine": {"rotate_params": [0.3, 0.2, 0.1]},
        "Rand2DElastic": {"spacing": [3, 3], **elastic},
        "Rand3DElastic": {"sigma_range": [1, 2], **elastic},
        "GibbsNoise": {"alpha": 0.5},
        "RandGibbsNoise": {"alpha": [0.2, 0.8], "prob": 1.0},
        "KSpaceSpikeNoise": SPIKE,
        "RandKSpaceSpikeNoise": {"prob": 1.0, "intensity_range": [3, 5]},
        "Resample": {},
    }
    return given[name.removesuffix("d")] | (KEYS if name.endswith("d") else {})


META = {
    "EnsureChannelFirstd": {"channel_dim": "no_channel", **KEYS},
    "Spacingd": {**KEYS, "pixdim": [2.0, 2.0, 2.0]},
    "Orientationd": {**KEYS, "axcodes": "LPS"},
    "RandCropByPosNegLabeld": CROP,
    "RandCropByLabelClassesd": {**CROP, "num_classes": 2},
    "RandSpatialCropSamplesd": {**KEYS, "roi_size": [4, 4, 4], "num_samples": 2, "random_size": False},
    "RandWeightedCropd": {**KEYS, "w_key": "weight", "spatial_size": [4, 4, 4]},
    "SpatialResampled": {**KEYS, "dst_keys": "to"},
}

CASES: dict[tuple[str, str, str], Case] = {
    ("SegmentationSaver", "move", "saved_segmentation"): Case(
        {
            "output_dir": "eval",
            "batch_transform": "lambda x: x['image_meta_dict']",
            "output_transform": "lambda x: x['pred']",
        },
        {
            "keys": "pred",
            "output_postfix": "seg",
            "resample": True,
            "meta_keys": "image_meta_dict",
            "output_dir": "eval",
        },
        name="SaveImaged",
    ),
    ("TransformInverter", "move", "inverted"): Case(
        {"output_keys": "pred", "batch_keys": "image", "nearest_interp": True},
        {"keys": ["pred_inverted"], "transform": "@pre_transforms", "orig_keys": "image", "nearest_interp": True},
        name="Invertd",
    ),
    ("AddChannel", "rename_class", ""): Case({}, {"channel_dim": "no_channel"}, "EnsureChannelFirst"),
    ("AddChanneld", "rename_class", ""): Case(KEYS, {**KEYS, "channel_dim": "no_channel"}, "EnsureChannelFirstd"),
    ("AsChannelFirst", "rename_class", ""): Case({}, {"channel_dim": -1}, "EnsureChannelFirst"),
    ("AsChannelFirstd", "rename_class", ""): Case(
        {**KEYS, "channel_dim": 2},
        {**KEYS, "channel_dim": 2},
        "EnsureChannelFirstd",
        differs={**KEYS, "channel_dim": -1},
    ),
    ("SplitChannel", "rename_class", "split_dim"): Case({"channel_dim": 1}, {"dim": 1, "keepdim": True}, "SplitDim"),
    ("SplitChanneld", "rename_class", "split_dim"): Case(
        {**KEYS, "output_postfixes": [str(i) for i in range(8)], "channel_dim": 1},
        {**KEYS, "output_postfixes": [str(i) for i in range(8)], "dim": 1, "keepdim": True},
        "SplitDimd",
    ),
    ("LoadNifti", "rename_class", ""): Case({}, {"reader": "NibabelReader"}, "LoadImage"),
    ("LoadNiftid", "rename_class", ""): Case(
        {"keys": "nifti", "as_closest_canonical": True},
        {"keys": "nifti", "as_closest_canonical": True, "reader": "NibabelReader"},
        "LoadImaged",
        differs={"keys": "nifti", "reader": "NibabelReader"},
    ),
    ("LoadPNG", "rename_class", ""): Case({}, {"reader": "PILReader"}, "LoadImage"),
    ("LoadPNGd", "rename_class", ""): Case({"keys": "png"}, {"keys": "png", "reader": "PILReader"}, "LoadImaged"),
    ("LoadNumpy", "rename_class", ""): Case({}, {"reader": "NumpyReader"}, "LoadImage"),
    ("LoadNumpyd", "rename_class", ""): Case({"keys": "npy"}, {"keys": "npy", "reader": "NumpyReader"}, "LoadImaged"),
    ("LoadDatad", "refuse", "loader"): Case({"keys": "nifti", "loader": "x"}, refused='has no arg "loader" any more'),
    ("LoadDatad", "rename_class", ""): Case({"keys": "nifti"}, {"keys": "nifti"}, "LoadImaged"),
    ("IgniteMetric", "rename_class", ""): Case(
        {"save_details": False}, {"save_details": False}, "IgniteMetricHandler", built=("metric_fn",)
    ),
    ("TorchVisionFullyConvModel", "rename_class", "fully_convolutional"): Case(
        {"model_name": "resnet18", "n_classes": 1, "pretrained": False},
        {
            "model_name": "resnet18",
            "pretrained": False,
            "num_classes": 1,
            "use_conv": True,
            "pool": ["avg", {"kernel_size": [7, 7], "stride": 1}],
        },
        "TorchVisionFCModel",
        only_config="torchvision is an extra",
    ),
    ("DynUNetV1", "rename_class", "affine_norm"): Case(DYN, {**DYN, "norm_name": AFFINE}, "DynUNet"),
    ("NiftiDataset", "rename_class", ""): Case({}, {}, "ImageDataset", built=("image_files",)),
    ("se_resnet50", "rename_class", ""): Case(SENET, SENET, "SEResNet50"),
    ("se_resnet101", "rename_class", ""): Case(
        SENET, SENET, "SEResNet101", only_config="a large network like SEResNet50"
    ),
    ("se_resnet152", "rename_class", ""): Case(
        SENET, SENET, "SEResNet152", only_config="a large network like SEResNet50"
    ),
    ("se_resnext50_32x4d", "rename_class", ""): Case(
        SENET, SENET, "SEResNext50", only_config="a large network like SEResNet50"
    ),
    ("se_resnext101_32x4d", "rename_class", ""): Case(
        SENET, SENET, "SEResNext101", only_config="a large network like SEResNet50"
    ),
    ("NiftiSaver", "refuse", ""): Case(refused='there is no "NiftiSaver" any more'),
    ("PNGSaver", "refuse", ""): Case(refused='there is no "PNGSaver" any more'),
    ("InverseKeys", "refuse", ""): Case(refused='there is no "InverseKeys" any more'),
    ("Normalisation", "refuse", ""): Case(refused='there is no "Normalisation" any more'),
    ("Activation", "refuse", ""): Case(refused='there is no "Activation" any more'),
    ("UNet", "rename_arg", "dimensions"): renamed("dimensions", "spatial_dims", 3, **NET),
    ("BasicUNet", "rename_arg", "dimensions"): renamed("dimensions", "spatial_dims", 2, features=[4, 4, 4, 4, 4, 4]),
    ("AutoEncoder", "rename_arg", "dimensions"): renamed("dimensions", "spatial_dims", 3, **{**NET, "strides": [2, 2]}),
    ("VarAutoEncoder", "rename_arg", "dimensions"): renamed(
        "dimensions",
        "spatial_dims",
        3,
        in_shape=[1, 16, 16, 16],
        out_channels=1,
        latent_size=2,
        channels=[4],
        strides=[2],
    ),
    ("AsDiscrete", "function", "one_hot"): Case({"to_onehot": True, "n_classes": 3}, {"to_onehot": 3}),
    ("AsDiscreted", "function", "one_hot"): Case(
        {"keys": ["label", "image"], "to_onehot": [True, False], "num_classes": 2},
        {"keys": ["label", "image"], "to_onehot": [2, None]},
    ),
    ("AsDiscrete", "function", "threshold"): Case({"threshold_values": True}, {"threshold": 0.5}, differs={}),
    ("AsDiscreted", "function", "threshold"): Case(
        {**KEYS, "threshold_values": True, "logit_thresh": 0.3},
        {**KEYS, "threshold": 0.3},
        differs={**KEYS, "threshold": 0.5},
    ),
    **{(name, "drop_arg", "meta_keys"): dropped("meta_keys", "image_meta_dict", **args) for name, args in META.items()},
    **{
        (name, "drop_arg", "meta_key_postfix"): dropped("meta_key_postfix", "meta_dict", **args)
        for name, args in META.items()
    },
    ("SpatialResampled", "drop_arg", "meta_src_keys"): dropped(
        "meta_src_keys", "src_affine", **META["SpatialResampled"]
    ),
    ("RandWeightedCropd", "refuse", "center_coord_key"): Case(
        {**META["RandWeightedCropd"], "center_coord_key": "centre"}, refused='no arg "center_coord_key" any more'
    ),
    **{
        (name, "drop_arg", "as_tensor_output"): dropped("as_tensor_output", False, **with_tensor_output(name))
        for name in (
            "RandAffine RandAffined Affine Affined Rand2DElastic Rand2DElasticd Rand3DElastic Rand3DElasticd "
            "GibbsNoise GibbsNoised RandGibbsNoise RandGibbsNoised KSpaceSpikeNoise KSpaceSpikeNoised "
            "RandKSpaceSpikeNoise RandKSpaceSpikeNoised Resample"
        ).split()
    },
    **{
        (name, "drop_arg", "device"): dropped("device", "cuda:0", include_background=True)
        for name in ("MeanDice", "HausdorffDistance", "SurfaceDistance", "ConfusionMatrix")
    },
    ("ROCAUC", "drop_arg", "device"): dropped("device", "cpu", average="macro"),
    ("SupervisedTrainer", "rename_arg", "post_transform"): renamed(
        "post_transform", "postprocessing", "@post_transforms"
    ),
    ("SupervisedEvaluator", "rename_arg", "post_transform"): renamed(
        "post_transform", "postprocessing", "@post_transforms"
    ),
    ("EnsembleEvaluator", "rename_arg", "post_transform"): renamed(
        "post_transform", "postprocessing", "@post_transforms"
    ),
    **{
        (name, "refuse", "logger_handler"): Case({"logger_handler": "x"}, refused='no arg "logger_handler" any more')
        for name in ("DataStats", "DataStatsd", "StatsHandler")
    },
    ("TensorBoardStatsHandler", "rename_arg", "iteration_interval"): renamed("iteration_interval", "iteration_log", 2),
    ("TensorBoardStatsHandler", "rename_arg", "epoch_interval"): renamed("epoch_interval", "epoch_log", 3),
    ("SaveImage", "drop_arg", "save_batch"): dropped("save_batch", True, resample=False),
    ("SaveImaged", "drop_arg", "save_batch"): dropped("save_batch", True, resample=False, keys="image"),
    ("Invertd", "drop_arg", "num_workers"): dropped(
        "num_workers", 0, keys="pred", orig_keys="image", transform="@pre_transforms"
    ),
    ("DiceCELoss", "rename_arg", "ce_weight"): renamed(
        "ce_weight", "weight", "#torch.as_tensor([1.0, 3.0])", softmax=True, to_onehot_y=True
    ),
    ("DiceFocalLoss", "rename_arg", "focal_weight"): renamed(
        "focal_weight", "weight", [1.0, 3.0], softmax=True, to_onehot_y=True
    ),
    ("GeneralizedDiceFocalLoss", "rename_arg", "focal_weight"): renamed(
        "focal_weight", "weight", [1.0, 3.0], softmax=True, to_onehot_y=True
    ),
    ("SegResNet", "function", "group_norm"): Case(
        {"init_filters": 8, "num_groups": 4}, {"init_filters": 8, **GROUP}, differs={"init_filters": 8}
    ),
    ("SegResNetVAE", "function", "group_norm"): Case(
        {"input_image_size": [16, 16, 16], "init_filters": 4, "norm_name": "group", "num_groups": 4},
        {"input_image_size": [16, 16, 16], "init_filters": 4, **GROUP},
    ),
    ("ResNet", "rename_arg", "n_classes"): renamed(
        "n_classes",
        "num_classes",
        2,
        block="basic",
        layers=[1, 1, 1, 1],
        block_inplanes=[4, 4, 4, 4],
        n_input_channels=1,
    ),
    **{
        (f"resnet{depth}", "rename_arg", "n_classes"): Case(
            {"n_classes": 2, "n_input_channels": 1, "spatial_dims": 2},
            {"num_classes": 2, "n_input_channels": 1, "spatial_dims": 2},
            only_config="" if depth == 10 else "a large network like resnet10",
        )
        for depth in (10, 18, 34, 50, 101, 152, 200)
    },
    ("TorchVisionFCModel", "rename_arg", "n_classes"): Case(
        {"n_classes": 2}, {"num_classes": 2}, only_config="torchvision is an extra"
    ),
    ("NetAdapter", "rename_arg", "n_classes"): Case(
        {"n_classes": 2, "dim": 1, "pool": None}, {"num_classes": 2, "dim": 1, "pool": None}, built=("model",)
    ),
    ("UNETR", "rename_arg", "pos_embed"): renamed("pos_embed", "proj_type", "perceptron", **UNETR),
    ("ViT", "rename_arg", "pos_embed"): renamed("pos_embed", "proj_type", "perceptron", **VIT),
    ("ViTAutoEnc", "rename_arg", "pos_embed"): renamed(
        "pos_embed", "proj_type", "perceptron", **{**VIT, "patch_size": [4, 4, 4]}
    ),
    ("SwinUNETR", "drop_arg", "img_size"): dropped(
        "img_size", [32, 32], in_channels=1, out_channels=2, feature_size=12, spatial_dims=2
    ),
    ("EfficientNet", "function", "batch_norm"): Case(
        {
            "blocks_args_str": ["r1_k3_s11_e1_i32_o16_se0.25"],
            "in_channels": 1,
            "num_classes": 2,
            "image_size": 32,
            "batch_norm_momentum": 0.9,
        },
        {
            "blocks_args_str": ["r1_k3_s11_e1_i32_o16_se0.25"],
            "in_channels": 1,
            "num_classes": 2,
            "image_size": 32,
            "norm": ["batch", {"eps": 0.001, "momentum": 0.1}],
        },
    ),
    ("LocalNormalizedCrossCorrelationLoss", "rename_arg", "ndim"): renamed("ndim", "spatial_dims", 3),
    ("RandRicianNoised", "function", "rician_probability"): Case(
        {**KEYS, "global_prob": 1.0, "std": 0.5},
        {**KEYS, "std": 0.5, "prob": 1.0},
        differs={**KEYS, "std": 0.5, "prob": 0.0},
    ),
    ("RandKSpaceSpikeNoised", "function", "spike_probability"): Case(
        {**KEYS, "global_prob": 0.5, "prob": 1.0},
        {**KEYS, "prob": 0.5},
        only_config="the same class with another number",
    ),
    ("RandKSpaceSpikeNoised", "rename_arg", "img_intensity_range"): renamed(
        "img_intensity_range", "intensity_range", [3, 5], prob=1.0, **KEYS
    ),
    ("RandKSpaceSpikeNoised", "refuse", "label_intensity_range"): Case(
        {**KEYS, "label_intensity_range": [3, 5]}, refused='no arg "label_intensity_range" any more'
    ),
    ("RandKSpaceSpikeNoised", "drop_arg", "common_sampling"): dropped("common_sampling", True, prob=1.0, **KEYS),
    ("RandKSpaceSpikeNoised", "drop_arg", "common_seed"): dropped("common_seed", 42, prob=1.0, **KEYS),
    ("GridPatchDataset", "rename_arg", "dataset"): Case({"dataset": [1]}, {"data": [1]}, built=("data", "patch_iter")),
    ("PatchDataset", "rename_arg", "dataset"): Case({"dataset": [1]}, {"data": [1]}, built=("data", "patch_func")),
    ("CSVDataset", "rename_arg", "filename"): Case(
        {"filename": "a.csv"}, {"src": "a.csv"}, only_config="pandas is an extra"
    ),
    ("CSVIterableDataset", "rename_arg", "filename"): Case(
        {"filename": "a.csv"}, {"src": "a.csv"}, only_config="pandas is an extra"
    ),
    ("VNet", "function", "dropout_of_transitions"): Case(
        {"dropout_prob": 0.25}, {"dropout_prob_down": 0.25, "dropout_prob_up": [0.25, 0.5]}
    ),
    ("FindDiscrepancyRegionsd", "function", "one_item"): Case(
        {"label": "label", "pred": "pred", "batched": False}, {"label": "label", "pred": "pred"}
    ),
    ("AddRandomGuidanced", "function", "one_item"): Case(
        {"batched": False}, {}, only_config="it needs what clicks gave"
    ),
    ("AddGuidanceSignald", "function", "one_item"): Case({"batched": False}, {}),
    ("DynUNet", "function", "affine_norm"): Case(
        {**DYN, "norm_name": "instance"}, {**DYN, "norm_name": AFFINE}, differs={**DYN, "norm_name": "instance"}
    ),
    ("DiNTS", "default", "norm_name"): Case(
        {"in_channels": 1, "num_classes": 2},
        {"in_channels": 1, "num_classes": 2, "norm_name": "INSTANCE"},
        only_config="its search space is an object",
    ),
    ("LoadImage", "default", "image_only"): default("image_only", False, True),
    ("LoadImaged", "default", "image_only"): default("image_only", False, True, keys="nifti"),
    ("RandSpatialCrop", "default", "random_size"): default("random_size", True, False, roi_size=[2, 2, 2]),
    ("RandSpatialCropd", "default", "random_size"): default("random_size", True, False, roi_size=[2, 2, 2], **KEYS),
    ("RandSpatialCropSamples", "default", "random_size"): default(
        "random_size", True, False, roi_size=[2, 2, 2], num_samples=2
    ),
    ("RandSpatialCropSamplesd", "default", "random_size"): default(
        "random_size", True, False, roi_size=[2, 2, 2], num_samples=2, **KEYS
    ),
    ("SaveImage", "default", "resample"): default("resample", True, False),
    ("SaveImaged", "default", "resample"): default("resample", True, False, keys="image"),
    ("MetricsSaver", "default", "delimiter"): default("delimiter", "\t", ",", save_dir="out"),
    ("RandBiasField", "default", "prob"): default("prob", 1.0, 0.0),
    ("RandBiasFieldd", "default", "prob"): default("prob", 1.0, 0.0, **KEYS),
    ("UNETR", "default", "conv_block"): Case(UNETR, {**UNETR, "conv_block": False, "res_block": False}, differs=UNETR),
    ("UNETR", "default", "res_block"): Case(
        UNETR, {**UNETR, "conv_block": False, "res_block": False}, differs={**UNETR, "conv_block": False}
    ),
    ("RandRotate", "default", "dtype"): default("dtype", "float64", "float32", range_x=0.5, prob=1.0),
    ("RandRotated", "default", "dtype"): default("dtype", "float64", "float32", range_x=0.5, prob=1.0, **KEYS),
    ("Rotate", "default", "dtype"): default("dtype", "float64", "float32", angle=[0.5, 0.2, 0.1]),
    ("Rotated", "default", "dtype"): default("dtype", "float64", "float32", angle=[0.5, 0.2, 0.1], **KEYS),
    ("CacheDataset", "default", "num_workers"): Case({}, {"num_workers": None}, built=("data",)),
    ("SmartCacheDataset", "default", "num_init_workers"): Case(
        {}, {"num_init_workers": None, "num_replace_workers": None}, built=("data",)
    ),
    ("SmartCacheDataset", "default", "num_replace_workers"): Case(
        {}, {"num_init_workers": None, "num_replace_workers": None}, built=("data",)
    ),
    ("PersistentDataset", "default", "cache_dir"): Case({}, {"cache_dir": None}, built=("data", "transform")),
    ("CacheNTransDataset", "default", "cache_dir"): Case(
        {"cache_n_trans": 1}, {"cache_n_trans": 1, "cache_dir": None}, built=("data", "transform")
    ),
    ("CropForeground", "default", "allow_smaller"): default("allow_smaller", True, False, margin=9),
    ("CropForegroundd", "default", "allow_smaller"): default(
        "allow_smaller", True, False, margin=9, source_key="image", **KEYS
    ),
    ("Orientation", "default", "labels"): default(
        "labels", LABELS, [["R", "L"], ["A", "P"], ["S", "I"]], axcodes="LPS"
    ),
    ("Orientationd", "default", "labels"): default(
        "labels", LABELS, [["R", "L"], ["A", "P"], ["S", "I"]], axcodes="LPS", **KEYS
    ),
    ("Invertd", "default", "device"): Case(
        {"keys": "pred", "orig_keys": "image", "transform": "@pre_transforms"},
        {"keys": "pred", "orig_keys": "image", "transform": "@pre_transforms", "device": "cpu"},
    ),
    ("GibbsNoise", "default", "alpha"): default("alpha", 0.5, 0.1),
    ("LocalNormalizedCrossCorrelationLoss", "default", "smooth_nr"): default("smooth_nr", 1e-05, 0.0),
}
