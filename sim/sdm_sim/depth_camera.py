"""A depth camera in MuJoCo, as a RealSense would publish it: 16UC1 millimetres, intrinsics, optical frame."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from sdm_core.perception.point_cloud import Extrinsics, Intrinsics

from sdm_sim.gl import rendering_available

# MuJoCo's cameras look along −z with y up, optical frames along +z with y down (REP-103).
_OPTICAL_FROM_CAMERA = np.diag([1.0, -1.0, -1.0])
_MM_PER_M = 1000.0
# Visual geometry lies in groups 0–2 by MuJoCo's convention, which its renderer draws by default.
VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], np.uint8)


class DepthCamera:
    """Renders a camera of a model, with a context that is made for the first image; where there is no GL, casts rays
    instead (equal but for silhouette pixels)."""

    def __init__(self, model: mujoco.MjModel, camera: str, width: int, height: int) -> None:
        self._model, self._camera = model, model.camera(camera).id
        focal = height / 2 / np.tan(np.radians(model.cam_fovy[self._camera]) / 2)
        # Pixel (0, 0) is the centre of the first pixel, hence the half.
        self.intrinsics = Intrinsics(focal, focal, width / 2 - 0.5, height / 2 - 0.5, width, height)
        self._renders = rendering_available()
        self._renderer: mujoco.Renderer | None = None
        if self._renders:
            model.vis.quality.offsamples = 0  # multisampling would blend depths at silhouettes
        # Sites mark goals, which a policy must not see.
        self._options = mujoco.MjvOption()
        self._options.sitegroup[:] = 0

    def extrinsics(self, data: mujoco.MjData) -> Extrinsics:
        """Pose of the optical frame in the world."""
        rotation = data.cam_xmat[self._camera].reshape(3, 3) @ _OPTICAL_FROM_CAMERA
        wxyz = np.zeros(4)
        mujoco.mju_mat2Quat(wxyz, rotation.ravel())
        w, x, y, z = wxyz.tolist()
        tx, ty, tz = data.cam_xpos[self._camera].tolist()
        return Extrinsics((x, y, z, w), (tx, ty, tz))

    def depth(self, data: mujoco.MjData) -> NDArray[np.uint16]:
        """uint16[H,W] millimetres; 0 where nothing is seen within 65.535 m."""
        metres = self._render(data) if self._renders else self._cast(data)
        millimetres = np.rint(metres * _MM_PER_M)
        return np.where(millimetres <= np.iinfo(np.uint16).max, millimetres, 0).astype(np.uint16)

    def close(self) -> None:
        """Frees the GL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _render(self, data: mujoco.MjData) -> NDArray[np.float32]:
        if self._renderer is None:
            self._renderer = _renderer(self._model, self.intrinsics.width, self.intrinsics.height)
        if self._renderer is None:
            self._renders = False
            return self._cast(data)
        self._renderer.update_scene(data, camera=self._camera, scene_option=self._options)
        metres = self._renderer.render()
        # The far plane, where nothing is seen, is not a distance; the depth buffer is coarse near it.
        far = self._model.vis.map.zfar * self._model.stat.extent
        return np.where(metres < 0.99 * far, metres, np.float32(np.inf))

    def _cast(self, data: mujoco.MjData) -> NDArray[np.float32]:
        k = self.intrinsics
        u, v = np.meshgrid(np.arange(k.width), np.arange(k.height))
        # Rays in MuJoCo's camera frame, of unit depth, so that a ray's length in its own units is the pixel's depth.
        rays = np.stack([(u - k.cx) / k.fx, -(v - k.cy) / k.fy, -np.ones(u.shape)], axis=-1).reshape(-1, 3)
        rays = rays @ data.cam_xmat[self._camera].reshape(3, 3).T
        count = len(rays)
        distance, geoms = np.zeros(count), np.zeros(count, np.int32)
        mujoco.mj_multiRay(
            self._model, data, data.cam_xpos[self._camera], rays.ravel(), VISIBLE_GROUPS, 1, -1, geoms, distance,
            count, mujoco.mjMAXVAL,
        )  # fmt: skip
        return np.where(distance > 0, distance, np.inf).reshape(k.height, k.width).astype(np.float32)


def _renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer | None:
    quality = model.vis.quality
    shadows, quality.shadowsize = quality.shadowsize, 0  # depth shows none, and their map takes 64 MB of each context
    try:
        renderer = mujoco.Renderer(model, height, width)
    except Exception:  # the GL libraries load but give no context (each platform raises its own error)
        return None
    finally:
        quality.shadowsize = shadows
    renderer.enable_depth_rendering()
    return renderer
