"""How the street looks and how warm it is: paint, light and temperature."""

from __future__ import annotations

import numpy as np

from rigsight.edge.frames import Float32
from rigsight.edge.simulation import textures
from rigsight.edge.simulation.street_geometry import StreetGeometry
from rigsight.edge.simulation.things import GROUND, PERSON, SIGN

SKIN_K = 305.5
LAMP_SPACING_M = 24.0
LAMP_HEIGHT_M = 5.5
KERB_M = 0.18


def _column(red: float, green: float, blue: float) -> Float32:
    return np.array([[red], [green], [blue]], np.float32)


SKY_COLOUR = np.array([0.75, 0.88, 1.08], np.float32)
BEAM_COLOUR = np.array([1.0, 0.96, 0.86], np.float32)
DARK_GLASS = _column(0.04, 0.05, 0.06)
MIRRORED_SKY = _column(0.7, 0.85, 1.0)
WARM_WHITE = _column(1.0, 0.74, 0.42)
RED = _column(0.4, 0.02, 0.02)
HORIZON, ZENITH = _column(0.78, 0.86, 0.95), _column(0.30, 0.50, 0.95)
NIGHT_SKY = _column(0.010, 0.013, 0.024)


class StreetView(StreetGeometry):
    """One camera's view of the street; see ``view.View``."""

    def radiance(self) -> Float32:
        """Linear RGB float32 [3,H,W]."""
        street, weather, day = self.street, self.street.weather, np.float32(self.day)
        albedo = np.array(self.things.albedo, dtype=np.float32).T[:, self.object]
        emitted = np.zeros_like(albedo)
        self._paint_ground(albedo)
        self._paint_houses(albedo, emitted)
        self._paint_cars(albedo, emitted)
        self._paint_signs(albedo, emitted)
        grain = self.table["texture"][self.object] * (self.coarse + np.float32(0.7) * self.fine)
        tone = np.maximum(1 + grain, np.float32(0.2))

        dusk = np.float32(1 - abs(2 * day - 1))
        sun_colour = np.array([1.0, 0.93 - 0.25 * dusk, 0.82 - 0.45 * dusk], np.float32)
        ambient = day * (np.float32(0.34) + np.float32(0.12) * self.upward) + np.float32(0.006)
        ambient *= self.contact
        sun = (day * np.float32(0.95 * weather.sun_strength)) * self.sunlit
        lamps = beam = None
        if day < 0.75:
            night = np.float32(1 - day / 0.75)
            lamps, beam = night * self._lamps(), night * self._headlights()
        haze = 1 - np.exp(self.near_depth * np.float32(-1 / weather.haze_m))
        air = day * np.float32(0.62) * SKY_COLOUR + np.float32(0.004)
        for k, channel in enumerate(albedo):
            light = SKY_COLOUR[k] * ambient + sun_colour[k] * sun
            if lamps is not None and beam is not None:
                light += street.lamp_colour[k] * lamps
                light += BEAM_COLOUR[k] * beam
            light *= tone
            channel *= light
            channel += emitted[k]
            channel += haze * (air[k] - channel)
        albedo[:, self.sky] = self._sky_radiance(sun_colour)
        return albedo

    def _paint_ground(self, albedo: Float32) -> None:
        street, coarse = self.street, self.coarse
        x, y, _ = self.points
        ground = self.object == GROUND
        side = np.abs(y)
        pavement = ground & (side > street.half_road)
        albedo[:, pavement] = street.pavement[:, None]
        tiles = pavement & ((np.abs(x - np.round(x)) < 0.03) | (np.abs(side - np.round(side)) < 0.03))
        albedo[:, tiles & (self.depth < 14)] *= 0.72
        kerb = ground & (np.abs(side - street.half_road) < KERB_M)
        albedo[:, kerb] = 1.25 * street.pavement[:, None]
        road = ground & (side < street.half_road - KERB_M)
        patches = road & (coarse > 1.3)
        albedo[:, patches] *= 0.72
        dashes = road & (np.abs(y) < 0.07) & (x - 9 * np.floor(x / 9) < 4.5)
        edges = road & (np.abs(side - street.half_road + 2.35) < 0.06)
        albedo[:, (dashes | edges) & (coarse < 1.2)] = 0.62

    def _paint_houses(self, albedo: Float32, emitted: Float32) -> None:
        where, _, glass, frame, lit = self.house_windows()
        flat, glow = albedo.reshape(3, -1), emitted.reshape(3, -1)
        flat[:, where[frame]] = np.minimum(flat[:, where[frame]] * np.float32(1.5) + np.float32(0.05), 0.8)
        flat[:, where[glass]] = DARK_GLASS
        glow[:, where[glass]] = np.float32(0.16 * self.day) * MIRRORED_SKY
        if self.day < 0.75:
            glow[:, where[lit]] += np.float32(0.12 * (1 - self.day / 0.75)) * WARM_WHITE

    def _paint_cars(self, albedo: Float32, emitted: Float32) -> None:
        where, thing, _, _, parts = self.car_parts()
        flat, glow = albedo.reshape(3, -1), emitted.reshape(3, -1)
        for name in ("sill", "wheel", "grille"):
            flat[:, where[parts[name]]] = 0.03
        flat[:, where[parts["rim"]]] = 0.35
        flat[:, where[parts["glass"]]] = DARK_GLASS
        glow[:, where[parts["glass"]]] = np.float32(0.13 * self.day) * MIRRORED_SKY
        flat[:, where[parts["lamp"]]] = 0.7
        flat[:, where[parts["tail"]]] = RED
        if self.day < 0.6:
            moving = self.table["seed"][thing] % 2 == 1
            glow[:, where[parts["lamp"] & moving]] = np.float32(2.2) * BEAM_COLOUR[:, None]
            glow[:, where[parts["tail"] & moving]] = np.float32(1.2) * RED

    def _paint_signs(self, albedo: Float32, emitted: Float32) -> None:
        where, thing, points = self.pixels(SIGN)
        table = self.table
        lamp = table["seed"][thing] == 1
        rim = np.maximum(
            np.abs(points[1] - table["y"][thing]) / table["hy"][thing],
            np.abs(points[2] - table["z"][thing]) / table["hz"][thing],
        )
        albedo.reshape(3, -1)[:, where[~lamp & (rim > 0.8)]] = 0.7
        if self.day < 0.6:
            emitted.reshape(3, -1)[:, where[lamp]] = 2.5 * self.street.lamp_colour[:, None]

    def _sky_radiance(self, sun_colour: Float32) -> Float32:
        """Linear RGB float32 [3,n] of the sky's pixels."""
        directions = self.eye.directions[:, self.sky]
        up = directions[2] / np.sqrt(np.einsum("kn,kn->n", directions, directions))
        share = textures.smooth(up, -0.02, 0.45)
        colour = HORIZON + share * (ZENITH - HORIZON)
        texture = textures.noise(self.street.texture_seeds[0])
        scale = 260 / (up + np.float32(0.18))
        u = (directions[0] * scale + np.float32(0.4 * self.index)).astype(np.int32) & (textures.SIZE - 1)
        v = (directions[1] * scale).astype(np.int32) & (textures.SIZE - 1)
        cloud = textures.smooth(texture[v, u], 1.0 - 2.0 * self.street.weather.cloud, 2.4)
        colour += np.float32(0.75) * cloud * (np.float32(0.92) - colour)
        dusk = np.float32(1 - abs(2 * self.day - 1))
        colour *= 1 + dusk * (1 - share) * (sun_colour[:, None] - np.float32(0.9))
        result: Float32 = np.float32(0.85 * self.day) * colour + NIGHT_SKY * (np.float32(1.6) - share)
        return result

    def _lamps(self) -> Float32:
        """Street lamps: two staggered rows, float32 [H,W]."""
        x, y, z = self.points
        total = np.zeros(self.eye.shape, np.float32)
        for side, shift in ((1, 0.0), (-1, 0.5)):
            along = x * np.float32(1 / LAMP_SPACING_M) + np.float32(shift)
            along = (along - np.round(along)) * LAMP_SPACING_M
            across = y - np.float32(side * (self.street.half_road - 0.5))
            squared = along * along + across * across + (z - LAMP_HEIGHT_M) ** 2 + 0.5
            total += 2.6 / squared
        below = textures.smooth(LAMP_HEIGHT_M + 1 - z, 0.0, 2.0)
        total *= below * (np.float32(0.55) + np.float32(0.45) * np.maximum(self.upward, 0))
        return total

    def _headlights(self) -> Float32:
        """The own car's beams, float32 [H,W]."""
        x, y, _ = self.eye.rays.directions
        shape = np.exp(-(x * x) * 4) * textures.smooth(y, -0.05, 0.10)
        distance = self.near_depth
        facing = np.abs(self.facing(self.eye.T_world_camera[:3, 2]))
        result: Float32 = shape * (0.25 + facing) * 0.55 / (1 + (distance / 9) ** 2)
        return result

    def kelvin(self) -> Float32:
        """Apparent temperature float32 [H,W]."""
        weather, street, table = self.street.weather, self.street, self.table
        day = np.float32(self.day)
        air = np.float32(weather.air_night + day * (weather.air_day - weather.air_night))
        result = air + (table["heat"] * np.float32(0.5 + 0.5 * day))[self.object]
        result += np.float32(0.35) * self.coarse + np.float32(0.15) * self.fine
        warmed = (day * np.float32(weather.sun_strength)) * self.sunlit
        ground = self.object == GROUND
        result += warmed * np.where(ground, np.float32(street.road_warmth), np.float32(4.5))
        side = np.abs(self.points[1])
        road = ground & (side < street.half_road)
        # Asphalt gives back at night what it took by day; the own lane's wheel tracks are worn warm.
        result += road * np.float32(1.2 + 1.8 * (1 - day))
        result += np.float32(2.5) * (1 - self.contact)
        self._warm_houses(result, air)
        self._warm_cars(result, air)
        self._warm_people(result)
        up = self.eye.directions[2][self.sky]
        zenith = air - np.float32(weather.sky_below_air_k * (1.3 - 0.3 * day))
        sky = zenith + (air - 3 - zenith) * np.exp(-5 * np.sqrt(np.maximum(up, 0)))
        haze = np.exp(self.near_depth * np.float32(-0.4 / weather.haze_m))
        result = air + haze * (result - air)
        result[self.sky] = sky
        return np.asarray(result, dtype=np.float32)

    def _warm_houses(self, result: Float32, air: np.float32) -> None:
        where, _, glass, _, lit = self.house_windows()
        flat = result.reshape(-1)
        flat[where[glass]] = air - 3.0 * np.float32(self.day) + 0.5
        flat[where[lit]] = air + 2.0 + 4.0 * np.float32(1 - self.day)

    def _warm_cars(self, result: Float32, air: np.float32) -> None:
        where, thing, along, up, parts = self.car_parts()
        flat = result.reshape(-1)
        heat = self.table["heat"][thing]
        # ``heat`` of a car is 0..1, not kelvin: take it back out of the first guess.
        base = flat[where] - heat * np.float32(0.5 + 0.5 * self.day)
        engine = textures.smooth(along, 0.35, 0.8) * textures.smooth(1.3 - up, 0.0, 0.4)
        value = base + heat * (1.5 + 13.0 * engine)
        value += heat * 9.0 * parts["wheel"] + heat * 6.0 * parts["grille"]
        sky = air - 7.0
        value = np.where(parts["glass"], 0.6 * value + 0.4 * sky + 1.5, value)
        value = np.where(parts["roof"], 0.65 * value + 0.35 * sky, value)
        flat[where] = np.where(parts["sill"] & ~parts["wheel"], base + heat * 5.0, value)

    def _warm_people(self, result: Float32) -> None:
        where, thing, _ = self.pixels(PERSON)
        skin = self.table["seed"][thing] == 1
        result.reshape(-1)[where[skin]] = SKIN_K + 0.02 * (result.reshape(-1)[where[skin]] - SKIN_K)
